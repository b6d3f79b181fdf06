import {
  assign,
  enqueueActions,
  raise,
  sendTo,
  setup,
  stopChild,
  type DoneActorEvent,
  type ErrorActorEvent,
} from 'xstate'
import { events } from '../actors/events.ts'
import { prepare } from '../actors/prepare.ts'
import { probe } from '../actors/probe.ts'
import { serverProcess } from '../actors/process.ts'
import { dispose, sweep } from '../actors/reap.ts'
import { runtimeOf } from '../actors/runtime.ts'
import { turnLogic } from '../actors/turn.ts'
import type { TurnCause } from '../actors/refusal.ts'
import {
  asRuntimeError,
  OpenCodeRuntimeError,
  RestartLimitError,
  ServerExitedError,
  StartTimeoutError,
} from '../errors.ts'
import type { CompiledOptions } from '../options.ts'
import {
  admissible,
  backoffMs,
  initialContext,
  isWanted,
  silentMs,
  type ServerContext,
  type ServerEvent,
} from './context.ts'

/** For the end of busy sessions before the process is ended. */
const disposeTimeoutMs = 5_000
/** A SIGTERM may be swallowed: it is sent again. */
const termRepeatMs = 500
const sweepIntervalMs = 50
/** After these nothing more can be done: what is left cannot be killed. */
const maxSweeps = 200
/** Heartbeats come every 10 s (opencode 1.18.33). */
const streamPatienceMs = 30_000
const streamRetryMs = 100
const streamRetryMaxMs = 5_000

const gone = { pid: undefined, baseURL: undefined }
const cancelled: TurnCause = { code: 'cancelled', error: 'The server was stopped' }
const stopping = ['unwant', { type: 'endWaiting', params: { cause: cancelled } }] as const

const died = ({ error, reason }: ServerContext): TurnCause => ({
  code: 'server_died',
  error: `The server died: ${error?.message ?? reason ?? 'unknown'}`,
})

const unavailable = ({ error }: ServerContext): TurnCause => ({
  code: 'server_unavailable',
  error: `The server is not available: ${error?.message ?? 'it failed'}`,
})

const overloaded = ({ options }: ServerContext): TurnCause => ({
  code: 'overloaded',
  error: `${options.values.maxQueuedTurns} turns wait already; the option maxQueuedTurns allows no more`,
})

const types = {} as { context: ServerContext; events: ServerEvent; input: CompiledOptions }

/**
 * The lifecycle of one opencode server: idle → configuring → spawning → probing → healthy → reaping, and `failed` where
 * the restart budget is spent. It decides; its actors act. Turns are its children, `turn:<turnId>`.
 *
 * Input: `compileOptions(options)`. Embed it, `provide()` actors of your own, read `snapshot.matches('healthy')`.
 *
 * @example
 * const actor = createActor(serverMachine, { input: compileOptions(options) }).start()
 * actor.send({ type: 'server.start' })
 * await waitFor(actor, (snapshot) => snapshot.matches('healthy'))
 */
export const serverMachine = setup({
  types,
  actors: { prepare, serverProcess, probe, events, dispose, sweep, turnLogic },
  delays: {
    startTimeout: ({ context }) => context.options.values.startTimeoutMs,
    probeInterval: ({ context }) => context.options.values.probeIntervalMs,
    probeTimeout: ({ context }) => context.options.values.probeTimeoutMs,
    healthInterval: ({ context }) => context.options.values.healthIntervalMs,
    stopGrace: ({ context }) => context.options.values.stopGraceMs,
    restartWindow: ({ context }) => context.options.values.restartWindowMs,
    drain: ({ context }) => context.drainMs,
    backoff: ({ context }) => backoffMs(context),
    disposeTimeout: disposeTimeoutMs,
    termRepeat: termRepeatMs,
    sweepInterval: sweepIntervalMs,
    streamOpening: streamPatienceMs,
    streamPatience: ({ context }) => Math.max(0, streamPatienceMs - silentMs(context)),
    streamRetry: ({ context }) =>
      Math.min(streamRetryMaxMs, streamRetryMs * 2 ** context.streamTries) * (0.5 + Math.random()),
  },
  guards: {
    isWanted: ({ context }) => isWanted(context),
    isUnwanted: ({ context }) => !isWanted(context),
    isGone: ({ context }) => context.pid === undefined,
    /** A server that does not answer, or never did, has nothing to be asked to end. */
    isUnresponsive: ({ context }) => !context.wasHealthy || context.failures > 0,
    isMeantToStop: ({ context }) => !context.failed,
    hasBudget: ({ context }) => context.recentRestarts < context.options.values.maxRestarts,
    isDrained: ({ context }) => context.running.length === 0,
    canDrain: ({ context, event }) =>
      event.type === 'server.stop' && (event.drainMs ?? 0) > 0 && context.running.length > 0,
    /** Registered beside the machine, and not told of before. */
    isKnownTurn: ({ context, event }) =>
      event.type === 'turn.start' &&
      runtimeOf(context.options).turns.get(event.turnId)?.isDone === false &&
      !isLive(context, event.turnId),
    /** Before the server is there, those that could run at once do not count as queued. */
    isOverflow: ({ context, event }) => {
      const { maxConcurrentTurns, maxQueuedTurns } = context.options.values
      if (event.type !== 'turn.start' || !runtimeOf(context.options).turns.has(event.turnId)) return false
      return context.waiting.length >= maxConcurrentTurns + maxQueuedTurns
    },
    /** Failed probes mean wedged; with a turn running only if the stream is silent too. */
    isWedged: ({ context }) =>
      context.failures >= context.options.values.unhealthyThreshold &&
      (context.running.length === 0 || silentMs(context) >= context.options.values.busyGraceMs),
    isStreamSilent: ({ context }) => silentMs(context) >= streamPatienceMs,
    isPresentBudget: ({ context, event }) =>
      event.type === 'budget.restored' && event.epoch === context.budgetEpoch,
  },
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
    noteFailure: assign((_, { error, reason }: { error: OpenCodeRuntimeError; reason: string }) => ({
      failed: true,
      error,
      reason,
    })),
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
    giveUp: assign(({ context }) => {
      const { maxRestarts, restartWindowMs } = context.options.values
      if (maxRestarts === 0 || !context.error) return {}
      const message = `The server failed ${context.recentRestarts + 1} times within ${restartWindowMs} ms; the last time: ${context.error.message}`
      return {
        error: new RestartLimitError(message, { cause: context.error }),
        reason: 'restart budget spent',
      }
    }),
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

    /** Every turn is a child from its first moment: it keeps its own deadline while it waits. */
    acceptTurn: enqueueActions(
      ({ context, event, enqueue }, { state }: { state: 'queued' | 'waitingForServer' }) => {
        if (event.type !== 'turn.start') return
        const { turnId } = event
        runtimeOf(context.options).turns.get(turnId)?.tell({ state })
        enqueue.spawnChild('turnLogic', { id: `turn:${turnId}`, input: { turnId, options: context.options } })
        enqueue.assign({ waiting: [...context.waiting, turnId] })
      },
    ),
    refuseTurn: enqueueActions(({ context, event, enqueue }, { cause }: { cause: TurnCause }) => {
      if (event.type !== 'turn.start') return
      const { turnId } = event
      enqueue.spawnChild('turnLogic', { id: `turn:${turnId}`, input: { turnId, options: context.options } })
      enqueue.sendTo(`turn:${turnId}`, { type: 'turn.end', cause, isServerGone: true })
    }),
    cancelTurn: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== 'turn.cancel' || !isLive(context, event.turnId)) return
      const cause: TurnCause = { code: 'cancelled', error: 'The turn was cancelled' }
      enqueue.sendTo(`turn:${event.turnId}`, { type: 'turn.end', cause, isServerGone: false })
    }),
    admitTurns: enqueueActions(({ context, enqueue }) => {
      const admitted = admissible(context)
      if (admitted.length === 0) return
      for (const id of admitted) enqueue.sendTo(`turn:${id}`, { type: 'turn.admit' })
      enqueue.assign({
        waiting: context.waiting.filter((id) => !admitted.includes(id)),
        running: [...context.running, ...admitted],
      })
    }),
    tellQueued: ({ context }) => {
      const { turns } = runtimeOf(context.options)
      for (const id of context.waiting) turns.get(id)?.tell({ state: 'queued' })
    },
    /** Only the turn that came last: those before it were accepted. */
    refuseOverflow: enqueueActions(({ context, event, enqueue }) => {
      const last = context.waiting.at(-1)
      if (event.type !== 'turn.start' || last !== event.turnId) return
      if (context.waiting.length <= context.options.values.maxQueuedTurns) return
      enqueue.sendTo(`turn:${last}`, { type: 'turn.end', cause: overloaded(context), isServerGone: true })
      enqueue.assign({ waiting: context.waiting.slice(0, -1) })
    }),
    /** A turn that is told to end wants no server any more; its child is released when it has ended. */
    endWaiting: enqueueActions(({ context, enqueue }, { cause }: { cause: TurnCause }) => {
      for (const id of context.waiting)
        enqueue.sendTo(`turn:${id}`, { type: 'turn.end', cause, isServerGone: true })
      enqueue.assign({ waiting: [] })
    }),
    endRunning: enqueueActions(({ context, enqueue }) => {
      const cause = context.failed ? died(context) : cancelled
      for (const id of context.running)
        enqueue.sendTo(`turn:${id}`, { type: 'turn.end', cause, isServerGone: true })
      enqueue.assign({ running: [] })
    }),
    /** No finished child stays, and no child's failure takes the machine down. */
    releaseChild: enqueueActions(({ context, event, enqueue }) => {
      const { actorId, error } =
        event.type === 'turn.ended'
          ? { actorId: `turn:${event.turnId}`, error: undefined }
          : (event as unknown as DoneActorEvent & Partial<ErrorActorEvent>)
      // Of a process whose actor is gone nothing is heard any more: it counts as gone too, and is swept.
      if (actorId === 'process') enqueue.raise({ type: 'process.exited', error: processLost(error) })
      if (!actorId.startsWith('turn:')) return
      const turnId = actorId.slice('turn:'.length)
      const runtime = runtimeOf(context.options)
      const record = runtime.turns.get(turnId)
      if (record) {
        record.fail(error)
        runtime.release(record)
      }
      enqueue.stopChild(actorId)
      enqueue.assign({
        waiting: context.waiting.filter((id) => id !== turnId),
        running: context.running.filter((id) => id !== turnId),
      })
    }),
    spawnProcess: enqueueActions(({ context, enqueue }) => {
      enqueue.assign({ failed: false, wasHealthy: false, failures: 0, probeError: undefined, sweeps: 0 })
      enqueue.spawnChild('serverProcess', { id: 'process', input: { options: context.options } })
    }),
    terminate: sendTo('process', { type: 'process.signal', signal: 'SIGTERM' }),
    kill: sendTo('process', { type: 'process.signal', signal: 'SIGKILL' }),
    dropProcess: stopChild('process'),
  },
}).createMachine({
  id: 'server',
  context: ({ input }) => initialContext(input),
  initial: 'idle',
  on: {
    'server.start': { actions: 'want' },
    'server.release': { actions: 'release' },
    'server.stop': { actions: stopping },
    'turn.start': [
      {
        guard: 'isOverflow',
        actions: { type: 'refuseTurn', params: ({ context }) => ({ cause: overloaded(context) }) },
      },
      { guard: 'isKnownTurn', actions: { type: 'acceptTurn', params: { state: 'waitingForServer' } } },
    ],
    'turn.cancel': { actions: 'cancelTurn' },
    'budget.restored': {
      guard: 'isPresentBudget',
      actions: assign(({ context }) => ({ recentRestarts: Math.max(0, context.recentRestarts - 1) })),
    },
    'turn.ended': { actions: 'releaseChild' },
    'xstate.done.actor.*': { actions: 'releaseChild' },
    'xstate.error.actor.*': { actions: 'releaseChild' },
  },
  states: {
    idle: {
      description: 'nothing runs, nothing is wanted',
      entry: 'forget',
      always: { guard: 'isWanted', target: 'configuring' },
    },

    configuring: {
      description: 'finds the binary, picks the port, writes the config',
      entry: 'beginStart',
      invoke: {
        src: 'prepare',
        input: ({ context }) => ({ options: context.options }),
        onDone: { target: 'spawning', actions: assign(({ event }) => ({ baseURL: event.output.baseURL })) },
        onError: {
          target: 'failed',
          actions: assign(({ event }) => ({
            error: asRuntimeError(event.error, 'The server could not be prepared'),
            reason: 'could not be prepared',
          })),
        },
      },
      always: { guard: 'isUnwanted', target: 'idle', actions: 'noteUnwanted' },
    },

    spawning: {
      description: 'the process is being started, in its own group',
      // A stop waits for what becomes of it: what is not known cannot be ended.
      entry: 'spawnProcess',
      after: { startTimeout: { target: 'reaping', actions: { type: 'noteFailure', params: startTimedOut } } },
      on: {
        'process.spawned': { target: 'probing', actions: assign(({ event }) => ({ pid: event.pid })) },
        'process.exited': { target: 'reaping', actions: 'noteExit' },
      },
    },

    probing: {
      description: 'the process runs; it is asked for its health once it says that it listens',
      always: { guard: 'isUnwanted', target: 'reaping', actions: 'noteUnwanted' },
      after: { startTimeout: { target: 'reaping', actions: { type: 'noteFailure', params: startTimedOut } } },
      on: { 'process.exited': { target: 'reaping', actions: 'noteExit' } },
      initial: 'awaitingListen',
      states: {
        awaitingListen: { on: { 'process.listening': 'asking' } },
        asking: {
          invoke: {
            src: 'probe',
            input: ({ context }) => ({ options: context.options, withConfig: true }),
            onDone: '#server.healthy',
            onError: {
              target: 'pausing',
              actions: { type: 'noteProbeError', params: ({ event }) => ({ error: event.error }) },
            },
          },
          after: {
            probeTimeout: {
              target: 'pausing',
              actions: { type: 'noteProbeError', params: { error: 'the probe got no answer in time' } },
            },
          },
        },
        pausing: { after: { probeInterval: 'asking' } },
      },
    },

    healthy: {
      description: 'turns run; the event stream is up; health is asked now and then',
      entry: 'beHealthy',
      on: { 'process.exited': { target: 'reaping', actions: 'noteExit' } },
      type: 'parallel',
      states: {
        watch: {
          initial: 'resting',
          states: {
            resting: { after: { healthInterval: 'asking' } },
            asking: {
              invoke: {
                src: 'probe',
                input: ({ context }) => ({ options: context.options, withConfig: false }),
                onDone: { target: 'resting', actions: assign({ failures: 0 }) },
                onError: {
                  target: 'judging',
                  actions: { type: 'noteProbeError', params: ({ event }) => ({ error: event.error }) },
                },
              },
              after: {
                probeTimeout: {
                  target: 'judging',
                  actions: { type: 'noteProbeError', params: { error: 'the probe got no answer in time' } },
                },
              },
            },
            judging: {
              entry: assign(({ context }) => ({ failures: context.failures + 1 })),
              always: [
                {
                  guard: 'isWedged',
                  target: '#server.reaping',
                  actions: { type: 'noteFailure', params: wedged },
                },
                { target: 'resting' },
              ],
            },
          },
        },

        stream: {
          initial: 'reading',
          states: {
            reading: {
              invoke: {
                src: 'events',
                input: ({ context }) => ({ options: context.options }),
                onError: 'pausing',
              },
              on: { 'stream.lost': 'pausing' },
              initial: 'opening',
              states: {
                // Its own time: how long there was silence before says nothing of this try.
                opening: {
                  on: { 'stream.opened': { target: 'listening', actions: assign({ streamTries: 0 }) } },
                  after: { streamOpening: '#server.healthy.stream.pausing' },
                },
                listening: {
                  after: {
                    streamPatience: [
                      { guard: 'isStreamSilent', target: '#server.healthy.stream.pausing' },
                      { target: 'listening', reenter: true },
                    ],
                  },
                },
              },
            },
            pausing: {
              exit: assign(({ context }) => ({ streamTries: context.streamTries + 1 })),
              after: { streamRetry: 'reading' },
            },
          },
        },

        service: {
          initial: 'open',
          states: {
            open: {
              entry: ['admitTurns', 'tellQueued'],
              on: {
                'turn.start': {
                  guard: 'isKnownTurn',
                  actions: [
                    { type: 'acceptTurn', params: { state: 'queued' } },
                    'admitTurns',
                    'refuseOverflow',
                  ],
                },
                'turn.ended': { actions: ['releaseChild', 'admitTurns'] },
                'xstate.done.actor.*': { actions: ['releaseChild', 'admitTurns'] },
                'xstate.error.actor.*': { actions: ['releaseChild', 'admitTurns'] },
                // It is wanted as it is; nobody has to wait.
                'server.start': {},
                'server.stop': [
                  { guard: 'canDrain', target: 'draining', actions: stopping },
                  { target: '#server.reaping', actions: stopping },
                ],
              },
            },
            draining: {
              always: { guard: 'isDrained', target: '#server.reaping' },
              after: { drain: '#server.reaping' },
              on: {
                'server.stop': [
                  { guard: 'canDrain', target: 'draining', reenter: true, actions: stopping },
                  { target: '#server.reaping', actions: stopping },
                ],
              },
            },
          },
        },
      },
    },

    reaping: {
      description: 'ends what the server is busy with, then it, then whatever is left of it',
      entry: 'endRunning',
      initial: 'disposing',
      on: { 'process.exited': { target: '.sweeping', actions: 'noteGone' } },
      states: {
        disposing: {
          always: [
            { guard: 'isGone', target: 'sweeping' },
            { guard: 'isUnresponsive', target: 'terminating' },
          ],
          invoke: {
            src: 'dispose',
            input: ({ context }) => ({ options: context.options }),
            onDone: 'terminating',
            onError: 'terminating',
          },
          after: { disposeTimeout: 'terminating' },
        },
        terminating: {
          initial: 'signalled',
          after: { stopGrace: 'killing' },
          states: {
            signalled: {
              entry: 'terminate',
              after: { termRepeat: { target: 'signalled', reenter: true } },
            },
          },
        },
        killing: {
          entry: 'kill',
          after: { termRepeat: { target: 'killing', reenter: true } },
        },
        sweeping: {
          entry: assign(({ context }) => ({ sweeps: context.sweeps + 1 })),
          on: { 'process.exited': { actions: 'noteGone' } },
          invoke: {
            src: 'sweep',
            input: ({ context }) => ({ options: context.options }),
            onDone: [
              {
                guard: ({ context, event }) => event.output.left === 0 || context.sweeps >= maxSweeps,
                target: 'swept',
              },
              { target: 'resting' },
            ],
            onError: [
              { guard: ({ context }) => context.sweeps >= maxSweeps, target: 'swept' },
              { target: 'resting' },
            ],
          },
        },
        resting: { after: { sweepInterval: 'sweeping' } },
        swept: {
          entry: ['dropProcess', 'noteGone'],
          always: [
            { guard: 'isUnwanted', target: '#server.idle' },
            { guard: 'isMeantToStop', target: '#server.configuring' },
            { guard: 'hasBudget', target: 'coolingDown' },
            { target: '#server.failed', actions: 'giveUp' },
          ],
        },
        coolingDown: {
          always: { guard: 'isUnwanted', target: '#server.idle' },
          after: {
            backoff: {
              target: '#server.configuring',
              actions: [
                'noteRestart',
                raise(({ context }) => ({ type: 'budget.restored', epoch: context.budgetEpoch }), {
                  delay: 'restartWindow',
                }),
              ],
            },
          },
        },
      },
    },

    failed: {
      description: 'nothing runs; the error says why; only server.start tries again',
      entry: [
        assign({ wanted: false, leases: [], ...gone }),
        { type: 'endWaiting', params: ({ context }) => ({ cause: unavailable(context) }) },
      ],
      on: {
        'server.start': {
          target: 'configuring',
          actions: ['want', 'renewBudget', assign({ failed: false })],
        },
        'turn.start': {
          guard: 'isKnownTurn',
          actions: { type: 'refuseTurn', params: ({ context }) => ({ cause: unavailable(context) }) },
        },
      },
    },
  },
})

function startTimedOut({ context }: { context: ServerContext }) {
  const { startTimeoutMs } = context.options.values
  const last =
    context.probeError === undefined
      ? 'it never said that it listens'
      : `the last probe said: ${context.probeError}`
  const error = new StartTimeoutError(`The server was not healthy within ${startTimeoutMs} ms: ${last}`)
  return { error, reason: 'start timed out' }
}

function wedged({ context }: { context: ServerContext }) {
  const error = new OpenCodeRuntimeError(
    `The server stopped answering: ${context.failures} probes in a row failed, the last one because ${context.probeError ?? 'of silence'}`,
  )
  return { error, reason: 'wedged' }
}

function processLost(cause: unknown): ServerExitedError {
  const detail = cause instanceof Error ? cause.message : 'its actor ended'
  return new ServerExitedError(`The server's process was lost: ${detail}`, {}, { cause })
}

const isLive = ({ waiting, running }: ServerContext, turnId: string): boolean =>
  waiting.includes(turnId) || running.includes(turnId)
