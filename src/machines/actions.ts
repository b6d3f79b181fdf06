import { assign, cancel, enqueueActions, sendTo, stopChild } from 'xstate'
import type { MemoryReading } from '../actors/server/memory.ts'
import { clockOf, punctualMs } from '../actors/clock.ts'
import { spent, stopOf, versionCaution, type Failure } from './failures.ts'
import { deferral, inputOf, isAgent, recentRestarts, type ServerContext } from './context.ts'
import { defaultPriority, report, withTurns, type Enqueue } from './turn-actions.ts'
import { messageOf } from '../util/messages.ts'

/** Binary logarithm of the longest interval between two replacements for memory: 64 readings. */
const maxIntervalExponent = 6

/** Id of the delayed event `start.timedOut`, for its cancellation. */
const startTimeoutId = 'start.timedOut'

/** Prefix of the reason while probes fail for a cause that is not the server. */
const healthUnknown = 'health unknown'

const noProcess = { pid: undefined, baseURL: undefined }

/** Setup of the machine with the actions of the lifecycle: updates of the context, and commands to the process. */
export const machineSetup = withTurns.extend({
  actions: {
    noteStart: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== 'server.start') return
      const { leaseId } = event
      enqueue.assign({ isLastAttempt: false })
      if (leaseId === undefined) return enqueue.assign({ wanted: true })
      enqueue.assign({ leases: [...context.leases, leaseId] })
      requestLease(enqueue, context, leaseId)
    }),
    removeLease: enqueueActions(({ context, event, enqueue }) => {
      if (event.type === 'server.release') releaseLeases(enqueue, context, [event.leaseId])
    }),
    /** Forgets the callers that wait for the start, because the start is over. */
    clearLeases: enqueueActions(({ context, enqueue }) => releaseLeases(enqueue, context, context.leases)),
    noteStop: assign(({ context, event }) => ({
      wanted: false,
      stops: context.stops + 1,
      ending: 'stop',
      reason: 'stopped',
      drainMs: event.type === 'server.stop' ? (event.drainMs ?? 0) : 0,
      stopCause: event.type === 'server.stop' ? event.cause : undefined,
    })),
    /** Shows why the start must wait. */
    noteDeferral: assign(({ event }) => (event.type === 'start.deferred' ? { reason: event.reason } : {})),
    clearDeferral: assign(({ context: { reason } }) => ({
      reason: reason?.startsWith(deferral) === true ? undefined : reason,
    })),
    /** Stops an unused server; the next turn starts it again. */
    noteIdle: assign({ wanted: false, ending: 'stop', reason: 'idle' }),
    /** Gives the place of an idle server to another agent; its waiting turns wait for the next start. */
    noteEvicted: assign(({ event }) =>
      event.type === 'server.evict' ? { wanted: false, ending: 'stop', reason: event.reason } : {},
    ),
    /** Lets a server of a fleet go when it has ended: only turns and callers that wait need the next start. */
    dropWanted: assign(({ context }) => (isAgent(context) ? { wanted: false } : {})),
    /** Marks the spawn for replacement; the next spawn follows when running turns have finished. */
    beginReplacing: assign(({ context }, { reason }: { reason: string }) => ({
      ending: 'replacement',
      reason,
      drainMs: context.options.values.drainMs,
    })),
    resetOutcome: assign({ ending: undefined, error: undefined, isLastAttempt: false }),
    noteFailure: assign((_, { error, reason }: Failure) => ({ ending: 'failure', error, reason })),
    noteRefusal: assign((_, { error, reason }: Failure) => ({ ending: 'refusal', error, reason })),
    noteExit: assign(({ event }) =>
      event.type === 'process.exited'
        ? { ...noProcess, ending: 'failure', error: event.error, reason: 'exited' }
        : {},
    ),
    /** Keeps the reason of a restart during the next start. */
    beginStart: assign(({ context: { ending, reason } }) => ({
      reason: ending === 'failure' || ending === 'replacement' ? reason : undefined,
      wasHealthy: false,
    })),
    notePending: assign(({ event }) =>
      event.type === 'server.reconfigure' ? { pending: event.options } : {},
    ),
    /** Replaces the configuration in use by the pending configuration, if any. */
    adoptPending: assign(({ context: { pending } }) =>
      pending === undefined ? {} : { options: pending, pending: undefined },
    ),
    rollBack: assign(({ context: { options, lastHealthy, error } }) =>
      lastHealthy === undefined
        ? {}
        : {
            options: lastHealthy,
            rolledBack: { revision: options.revision, error },
            reason: 'rolled back',
          },
    ),
    /**
     * Requests a replacement if the server exceeds its memory limit. The interval doubles with each spawn that exceeds the
     * limit from its first reading, because the limit is then too low for any server.
     */
    noteMemory: enqueueActions(({ context, enqueue }, { residentMb }: MemoryReading) => {
      const { memoryLimitMb = Infinity } = context.options.values
      const memoryReadings = context.memoryReadings + 1
      const isOver = residentMb !== undefined && residentMb > memoryLimitMb
      const spawnsOverLimit = isOver ? context.spawnsOverLimit + (memoryReadings === 1 ? 1 : 0) : 0
      enqueue.assign({ memoryReadings, spawnsOverLimit })
      report(enqueue, context, (agentId) => ({ type: 'agent.memory', agentId, residentMb }))
      if (isOver && memoryReadings >= 2 ** Math.min(maxIntervalExponent, spawnsOverLimit - 1))
        enqueue.raise({ type: 'memory.exceeded', residentMb })
    }),
    noteReplacement: assign(({ context }) =>
      context.ending === 'replacement' ? { restarts: context.restarts + 1 } : {},
    ),
    /** Counts a restart that does not reduce the budget. */
    noteFreeRestart: assign(({ context }) => ({ restarts: context.restarts + 1 })),
    /** Sets the reason of a cancelled start, unless a stop has set a reason. */
    noteCancelled: assign(({ context }) => ({
      reason: context.reason ?? 'start cancelled (no callers left)',
    })),
    clearProcess: assign(noProcess),
    /** Stores the error of a probe, masked, because a server's message may contain any text. */
    noteProbeError: assign(({ context }, { error }: { error: unknown }) => ({
      probeError: context.options.secrets.mask(messageOf(error)),
    })),
    /** Shows the error of a probe that failed for a cause other than the server, until a probe is answered. */
    noteHealthUnknown: assign(({ context }, { error }: { error: unknown }) => ({
      reason: `${healthUnknown}: ${context.options.secrets.mask(messageOf(error))}`,
    })),
    noteProbeAnswer: assign(({ context }) => ({
      failures: 0,
      reason: context.reason?.startsWith(healthUnknown) === true ? versionCaution(context) : context.reason,
    })),
    noteRestart: assign(({ context, system }) => {
      const now = clockOf(system).now()
      return {
        restarts: context.restarts + 1,
        restartTimes: [...recentRestarts(context, now), now],
        cooldowns: context.wasHealthy ? 0 : context.cooldowns + 1,
      }
    }),
    renewBudget: assign({ restartTimes: [], cooldowns: 0, isLastAttempt: false }),
    noteStageStart: assign(({ system }) => ({ stageStartedAt: clockOf(system).now() })),
    /** Ends the start; after a pause of the host, only after the time of one more probe, to read pending input. */
    checkStartTimeout: enqueueActions(({ context, system, enqueue }) => {
      const { startTimeoutMs } = context.options.values
      const lateMs = clockOf(system).now() - context.stageStartedAt - startTimeoutMs
      const delay = lateMs > punctualMs ? { delay: 'probeTimeout' as const } : {}
      enqueue.raise({ type: 'start.timedOut' }, { id: startTimeoutId, ...delay })
    }),
    cancelStartTimeout: cancel(startTimeoutId),
    noteProbeStart: assign(({ system }) => ({ probeStartedAt: clockOf(system).now() })),
    noteTime: assign(({ system }) => ({ now: clockOf(system).now() })),
    noteFailed: assign(({ system }) => ({ wanted: false, failedAt: clockOf(system).now() })),
    beginLastAttempt: assign({ isLastAttempt: true, ending: undefined }),
    noteBudgetSpent: assign(({ context }) => spent(context)),
    noteHealthy: assign(({ context }) => ({
      wanted: true,
      ending: undefined,
      wasHealthy: true,
      streamAttempts: 0,
      // A failed server that is healthy again has its whole budget again.
      ...(context.isLastAttempt && { isLastAttempt: false, restartTimes: [], cooldowns: 0 }),
      error: undefined,
      reason: versionCaution(context),
      lastHealthy: context.options,
    })),
    spawnProcess: enqueueActions(({ context, enqueue }) => {
      enqueue.assign({ ending: undefined, wasHealthy: false, failures: 0, probeError: undefined, sweeps: 0 })
      enqueue.assign({ version: undefined, memoryReadings: 0 })
      enqueue.spawnChild('serverProcess', { id: 'process', input: inputOf({ context }) })
    }),
    terminate: sendTo('process', { type: 'process.signal', signal: 'SIGTERM' }),
    kill: sendTo('process', { type: 'process.signal', signal: 'SIGKILL' }),
    stopProcessActor: stopChild('process'),
    holdHome: sendTo('home', { type: 'home.hold' }),
    releaseHome: sendTo('home', { type: 'home.release' }),
  },
})

/** Asks the fleet for a start on behalf of a caller that waits. */
function requestLease(enqueue: Enqueue, context: ServerContext, leaseId: string): void {
  const turn = { turnId: leaseId, conversationId: leaseId, priority: defaultPriority, isOperation: true }
  report(enqueue, context, (agentId) => ({
    type: 'agent.turnRequested',
    agentId,
    turn: { ...turn, isLease: true },
  }))
}

function releaseLeases(enqueue: Enqueue, context: ServerContext, leaseIds: readonly string[]): void {
  enqueue.assign({ leases: context.leases.filter((id) => !leaseIds.includes(id)) })
  if (leaseIds.length > 0)
    report(enqueue, context, (agentId) => ({ type: 'agent.turnsLeft', agentId, turnIds: leaseIds }))
}

/** Actions of each `server.stop`, in every state. */
export const stopActions = [
  'noteStop',
  'clearLeases',
  { type: 'endWaiting', params: ({ context }: { context: ServerContext }) => ({ cause: stopOf(context) }) },
] as const
