import { assign, enqueueActions, sendTo, stopChild } from 'xstate'
import type { MemoryReading } from '../actors/memory.ts'
import { runtimeOf } from '../actors/runtime.ts'
import { spent, stopped, versionCaution, type Failure } from './causes.ts'
import { withTurns } from './turns.ts'
import { messageOf } from '../messages.ts'

/** A limit that no server keeps has one replaced at every 64th reading. */
const maxPatience = 6

const gone = { pid: undefined, baseURL: undefined }

/** What the lifecycle notes, and what it does to its process. */
export const lifecycle = withTurns.extend({
  actions: {
    want: assign(({ context, event }) => {
      if (event.type !== 'server.start') return {}
      return event.leaseId === undefined ? { wanted: true } : { leases: [...context.leases, event.leaseId] }
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
    /** Nobody used it for a while: the next turn starts it again. */
    rest: assign({ wanted: false, ending: 'stop', reason: 'idle' }),
    /** Another takes its place as soon as running turns have finished. */
    beginReplacing: assign(({ context }, { reason }: { reason: string }) => ({
      ending: 'replacement',
      reason,
      drainMs: context.options.values.drainMs,
    })),
    forget: assign({ ending: undefined, error: undefined }),
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
    })),
    notePending: assign(({ event }) =>
      event.type === 'server.reconfigure' ? { pendingRevision: event.revision } : {},
    ),
    /** The configuration that is to be used next is in use from here on. */
    adoptPending: enqueueActions(({ context, enqueue }) => {
      const { options, pendingRevision } = context
      if (pendingRevision === undefined) return
      enqueue(() => runtimeOf(options).use(options, pendingRevision))
      enqueue.assign({ revision: pendingRevision, pendingRevision: undefined })
    }),
    rollBack: enqueueActions(({ context, enqueue }) => {
      const { options, revision, provenRevision, error } = context
      if (provenRevision === undefined) return
      enqueue(() => runtimeOf(options).use(options, provenRevision))
      enqueue.assign({
        revision: provenRevision,
        rolledBack: { revision, error },
        reason: 'rolled back',
      })
    }),
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
    noteRestart: assign(({ context }) => ({
      restarts: context.restarts + 1,
      recentRestarts: context.recentRestarts + 1,
      cooldowns: context.wasHealthy ? 0 : context.cooldowns + 1,
    })),
    renewBudget: assign(({ context }) => ({
      recentRestarts: 0,
      cooldowns: 0,
      budgetEpoch: context.budgetEpoch + 1,
    })),
    giveUp: assign(({ context }) => spent(context)),
    beHealthy: assign(({ context }) => ({
      wanted: true,
      leases: [],
      ending: undefined,
      wasHealthy: true,
      streamTries: 0,
      error: undefined,
      reason: versionCaution(context),
      provenRevision: context.revision,
    })),
    spawnProcess: enqueueActions(({ context, enqueue }) => {
      enqueue.assign({ ending: undefined, wasHealthy: false, failures: 0, probeError: undefined, sweeps: 0 })
      enqueue.assign({ version: undefined, readings: 0 })
      enqueue.spawnChild('serverProcess', { id: 'process', input: { options: context.options } })
    }),
    terminate: sendTo('process', { type: 'process.signal', signal: 'SIGTERM' }),
    kill: sendTo('process', { type: 'process.signal', signal: 'SIGKILL' }),
    dropProcess: stopChild('process'),
    holdHome: sendTo('home', { type: 'home.hold' }),
    releaseHome: sendTo('home', { type: 'home.release' }),
  },
})

/** What every `server.stop` does, wherever it comes. */
export const stopping = ['unwant', { type: 'endWaiting', params: { cause: stopped } }] as const
