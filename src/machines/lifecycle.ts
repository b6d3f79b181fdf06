import { assign, enqueueActions, sendTo, stopChild } from 'xstate'
import { spent, stopped, type Failure } from './causes.ts'
import { withTurns } from './turns.ts'

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
      failed: false,
      reason: 'stopped',
      drainMs: event.type === 'server.stop' ? (event.drainMs ?? 0) : 0,
    })),
    forget: assign({ ...gone, failed: false, error: undefined }),
    noteFailure: assign((_, { error, reason }: Failure) => ({ failed: true, error, reason })),
    noteExit: assign(({ event }) =>
      event.type === 'process.exited' ? { ...gone, failed: true, error: event.error, reason: 'exited' } : {},
    ),
    /** A restart keeps telling why. */
    beginStart: assign(({ context }) => (context.failed ? {} : { reason: undefined })),
    /** A stop says so itself; else everybody who waited has left. */
    noteUnwanted: assign(({ context }) => ({ reason: context.reason ?? 'nobody waits for it' })),
    noteGone: assign(gone),
    /** A server may say anything. */
    noteProbeError: assign(({ context }, { error }: { error: unknown }) => ({
      probeError: context.options.secrets.mask(error instanceof Error ? error.message : String(error)),
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
    beHealthy: assign({
      wanted: true,
      leases: [],
      failed: false,
      wasHealthy: true,
      failures: 0,
      streamTries: 0,
      error: undefined,
      reason: undefined,
    }),
    spawnProcess: enqueueActions(({ context, enqueue }) => {
      enqueue.assign({ failed: false, wasHealthy: false, failures: 0, probeError: undefined, sweeps: 0 })
      enqueue.spawnChild('serverProcess', { id: 'process', input: { options: context.options } })
    }),
    terminate: sendTo('process', { type: 'process.signal', signal: 'SIGTERM' }),
    kill: sendTo('process', { type: 'process.signal', signal: 'SIGKILL' }),
    dropProcess: stopChild('process'),
  },
})

/** What every `server.stop` does, wherever it comes. */
export const stopping = ['unwant', { type: 'endWaiting', params: { cause: stopped } }] as const
