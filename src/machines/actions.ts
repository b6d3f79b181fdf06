import { assign, cancel, enqueueActions, sendTo, stopChild } from 'xstate'
import type { MemoryReading } from '../actors/server/memory.ts'
import { clockOf, punctualMs } from '../actors/clock.ts'
import { spent, stopped, versionCaution, type Failure } from './failures.ts'
import { inputOf, recentRestarts } from './context.ts'
import { withTurns } from './turn-actions.ts'
import { messageOf } from '../util/messages.ts'

/** A limit that no server keeps has one replaced at every 64th reading. */
const maxPatience = 6

/** The name of the delayed `start.timedOut`, by which it is cancelled. */
const startTimeoutId = 'start.timedOut'

/** Beginning of the reason while probes give no verdict on the server. */
const noVerdict = 'no verdict'

const gone = { pid: undefined, baseURL: undefined }

/** Setup of the machine with the actions of the lifecycle: notes in the context, and commands to the process. */
export const machineSetup = withTurns.extend({
  actions: {
    want: assign(({ context, event }) => {
      if (event.type !== 'server.start') return {}
      const who =
        event.leaseId === undefined ? { wanted: true } : { leases: [...context.leases, event.leaseId] }
      return { ...who, isLastTry: false }
    }),
    release: assign(({ context, event }) =>
      event.type === 'server.release' ? { leases: context.leases.filter((id) => id !== event.leaseId) } : {},
    ),
    unwant: assign(({ context, event }) => ({
      wanted: false,
      leases: [],
      stops: context.stops + 1,
      ending: 'stop',
      reason: 'stopped',
      drainMs: event.type === 'server.stop' ? (event.drainMs ?? 0) : 0,
    })),
    /** Stops an unused server; the next turn starts it again. */
    rest: assign({ wanted: false, ending: 'stop', reason: 'idle' }),
    /** Another takes its place as soon as running turns have finished. */
    beginReplacing: assign(({ context }, { reason }: { reason: string }) => ({
      ending: 'replacement',
      reason,
      drainMs: context.options.values.drainMs,
    })),
    forget: assign({ ending: undefined, error: undefined, isLastTry: false }),
    noteFailure: assign((_, { error, reason }: Failure) => ({ ending: 'failure', error, reason })),
    noteRefusal: assign((_, { error, reason }: Failure) => ({ ending: 'refusal', error, reason })),
    noteExit: assign(({ event }) =>
      event.type === 'process.exited'
        ? { ...gone, ending: 'failure', error: event.error, reason: 'exited' }
        : {},
    ),
    /** A restart keeps telling why. */
    beginStart: assign(({ context: { ending, reason } }) => ({
      reason: ending === 'failure' || ending === 'replacement' ? reason : undefined,
      wasHealthy: false,
    })),
    notePending: assign(({ event }) =>
      event.type === 'server.reconfigure' ? { pending: event.options } : {},
    ),
    /** The configuration that is to be used next is in use from here on. */
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
     * Has a server that holds too much replaced. One that does from its beginning is replaced ever more rarely: its limit is
     * too low, and no other would do better.
     */
    noteMemory: enqueueActions(({ context, enqueue }, { residentMb = 0 }: MemoryReading) => {
      const { memoryLimitMb = Infinity } = context.options.values
      const readings = context.readings + 1
      const isOver = residentMb > memoryLimitMb
      const overweight = isOver ? context.overweight + (readings === 1 ? 1 : 0) : 0
      enqueue.assign({ readings, overweight })
      if (isOver && readings >= 2 ** Math.min(maxPatience, overweight - 1))
        enqueue.raise({ type: 'memory.exceeded', residentMb })
    }),
    noteReplaced: assign(({ context }) =>
      context.ending === 'replacement' ? { restarts: context.restarts + 1 } : {},
    ),
    /** A restart that costs nothing of the budget. */
    noteRespawn: assign(({ context }) => ({ restarts: context.restarts + 1 })),
    /** A stop says so itself; else everybody who waited has left. */
    noteUnwanted: assign(({ context }) => ({ reason: context.reason ?? 'nobody waits for it' })),
    noteGone: assign(gone),
    /** A server may say anything. */
    noteProbeError: assign(({ context }, { error }: { error: unknown }) => ({
      probeError: context.options.secrets.mask(messageOf(error)),
    })),
    /** A probe that failed by no fault of the server: told as the reason, until a probe is answered. */
    noteNoVerdict: assign(({ context }, { error }: { error: unknown }) => ({
      reason: `${noVerdict}: ${context.options.secrets.mask(messageOf(error))}`,
    })),
    noteAnswer: assign(({ context }) => ({
      failures: 0,
      reason: context.reason?.startsWith(noVerdict) === true ? versionCaution(context) : context.reason,
    })),
    noteRestart: assign(({ context, system }) => {
      const now = clockOf(system).now()
      return {
        restarts: context.restarts + 1,
        restartTimes: [...recentRestarts(context, now), now],
        cooldowns: context.wasHealthy ? 0 : context.cooldowns + 1,
      }
    }),
    renewBudget: assign({ restartTimes: [], cooldowns: 0, isLastTry: false }),
    noteBegin: assign(({ system }) => ({ begunAt: clockOf(system).now() })),
    /** A host that stood still reads first what came meanwhile: the start gets the time of one probe more. */
    judgeStart: enqueueActions(({ context, system, enqueue }) => {
      const { startTimeoutMs } = context.options.values
      const lateMs = clockOf(system).now() - context.begunAt - startTimeoutMs
      const delay = lateMs > punctualMs ? { delay: 'probeTimeout' as const } : {}
      enqueue.raise({ type: 'start.timedOut' }, { id: startTimeoutId, ...delay })
    }),
    forgetTimeout: cancel(startTimeoutId),
    noteAsked: assign(({ system }) => ({ askedAt: clockOf(system).now() })),
    noteTime: assign(({ system }) => ({ now: clockOf(system).now() })),
    noteFailed: assign(({ system }) => ({ wanted: false, leases: [], failedAt: clockOf(system).now() })),
    beginLastTry: assign({ isLastTry: true, ending: undefined }),
    giveUp: assign(({ context }) => spent(context)),
    beHealthy: assign(({ context }) => ({
      wanted: true,
      leases: [],
      ending: undefined,
      wasHealthy: true,
      streamTries: 0,
      // A failed server that is well again has its whole budget again.
      ...(context.isLastTry && { isLastTry: false, restartTimes: [], cooldowns: 0 }),
      error: undefined,
      reason: versionCaution(context),
      lastHealthy: context.options,
    })),
    spawnProcess: enqueueActions(({ context, enqueue }) => {
      enqueue.assign({ ending: undefined, wasHealthy: false, failures: 0, probeError: undefined, sweeps: 0 })
      enqueue.assign({ version: undefined, readings: 0 })
      enqueue.spawnChild('serverProcess', { id: 'process', input: inputOf({ context }) })
    }),
    terminate: sendTo('process', { type: 'process.signal', signal: 'SIGTERM' }),
    kill: sendTo('process', { type: 'process.signal', signal: 'SIGKILL' }),
    dropProcess: stopChild('process'),
    holdHome: sendTo('home', { type: 'home.hold' }),
    releaseHome: sendTo('home', { type: 'home.release' }),
  },
})

/** Actions of every `server.stop`, in whatever state. */
export const stopping = ['unwant', { type: 'endWaiting', params: { cause: stopped } }] as const
