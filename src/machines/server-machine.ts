import { and, assign, not, type ActorRefFrom } from 'xstate'
import type { Prepared } from '../actors/server/prepare.ts'
import { asRuntimeError, HostFaultError } from '../errors.ts'
import { machineSetup, stopActions } from './actions.ts'
import { awaitingAnswer } from './awaiting-answer.ts'
import { initialContext, inputOf, isDefect, isHealthUnknown, canBeConfigurationFault } from './context.ts'
import {
  memoryExceeded,
  overloaded,
  probeDefect,
  startTimedOut,
  unavailable,
  unsupported,
  wedged,
} from './failures.ts'

const preparedContext = ({ baseURL, reaped }: Prepared) => ({
  baseURL,
  ...(reaped !== undefined && { reason: `reaped orphaned server (pid ${reaped}) of an earlier host` }),
})

const notePrepareError = {
  type: 'noteFailure',
  params: ({ event }: { event: { error: unknown } }) => ({
    error: asRuntimeError(event.error, 'The server could not be prepared'),
    reason: 'preparation failed',
  }),
} as const

/**
 * The lifecycle of one opencode server, as one statechart: idle → configuring → spawning → probing → healthy →
 * reaping, and `failed` when the restart budget is spent. The machine decides, and its actors act. The api
 * exports the machine with telemetry and logger attached (`src/api/server-machine.ts`).
 */
export const serverMachine = machineSetup.createMachine({
  id: 'server',
  context: ({ input }) => initialContext(input),
  initial: 'idle',
  invoke: [
    { id: 'home', src: 'home', input: inputOf },
    { id: 'queue', src: 'queue', input: inputOf },
    { id: 'hooks', src: 'hooks', input: inputOf },
  ],
  on: {
    'server.start': { actions: 'noteStart' },
    'server.release': { actions: 'removeLease' },
    'server.stop': { actions: stopActions },
    'server.reconfigure': { actions: 'notePending' },
    'turn.start': [
      { guard: 'hasTurn' },
      { guard: 'isAgent', actions: 'requestTurn' },
      {
        guard: 'isQueueFull',
        actions: { type: 'refuseTurn', params: ({ context }) => ({ cause: overloaded(context) }) },
      },
      { actions: { type: 'acceptTurn', params: { state: 'waitingForServer' } } },
    ],
    'turn.accepted': {
      guard: not('hasTurn'),
      actions: [{ type: 'acceptTurn', params: { state: 'waitingForServer' } }, 'notePermitted'],
    },
    'turn.refused': { actions: 'noteRefused' },
    'turn.permitted': { actions: 'notePermitted' },
    'call.*': { actions: 'noteCall' },
    'turn.cancel': { actions: 'cancelTurn' },
    'turn.suspended': { actions: 'requeueTurn' },
    'turn.ended': { actions: 'releaseChild' },
    'queue.ended': { actions: 'removeEndedTurns' },
    'xstate.done.actor.*': { actions: 'releaseChild' },
    'xstate.error.actor.*': { actions: 'releaseChild' },
  },
  states: {
    idle: {
      description: 'no process runs, and no caller or turn needs one',
      entry: [
        'resetOutcome',
        'adoptPending',
        'releaseHome',
        { type: 'reportStage', params: { stage: 'idle' } },
      ],
      always: { guard: 'isWanted', target: 'configuring' },
      on: {
        'server.reconfigure': { actions: ['notePending', 'adoptPending'] },
        'server.passivate': { guard: 'isUnused', actions: 'passivate' },
      },
    },

    configuring: {
      description:
        'finds the binary, locks the home, ends the orphaned server of an earlier host, writes the config, chooses the port',
      entry: ['beginStart', 'adoptPending'],
      initial: 'permitting',
      states: {
        // In a fleet, each start waits until the fleet permits it.
        permitting: {
          always: { guard: not('isAgent'), target: 'preparing' },
          entry: { type: 'reportStage', params: { stage: 'asking' } },
          on: {
            'start.permitted': { target: 'preparing', actions: 'clearDeferral' },
            'start.deferred': { actions: 'noteDeferral' },
          },
        },
        preparing: {
          entry: 'holdHome',
          invoke: {
            src: 'prepare',
            input: inputOf,
            onDone: {
              target: '#server.spawning',
              actions: assign(({ event }) => preparedContext(event.output)),
            },
            onError: [
              {
                guard: and(['canRollBack', ({ event }) => canBeConfigurationFault(event.error)]),
                description: 'another configuration may help',
                target: '#server.configuring',
                reenter: true,
                actions: [notePrepareError, 'rollBack'],
              },
              // A fault of the host may pass, so the start is retried within the restart budget.
              {
                guard: ({ event }) => event.error instanceof HostFaultError,
                description: 'a fault of the host',
                target: '#server.reaping',
                actions: notePrepareError,
              },
              { target: '#server.failed', actions: notePrepareError },
            ],
          },
        },
      },
      always: { guard: 'isUnwanted', target: 'idle', actions: 'noteCancelled' },
      on: { 'server.reconfigure': { target: 'configuring', reenter: true, actions: 'notePending' } },
    },

    spawning: {
      description: 'starts the process in its own process group',
      // A stop waits for the outcome of the spawn, because a process without a known pid cannot be ended.
      entry: ['noteStageStart', 'spawnProcess'],
      after: { startTimeout: { actions: 'checkStartTimeout' } },
      exit: 'cancelStartTimeout',
      on: {
        'start.timedOut': { target: 'reaping', actions: { type: 'noteFailure', params: startTimedOut } },
        'process.spawned': {
          target: 'probing',
          actions: assign(({ event }) => ({ pid: event.pid })),
        },
        'process.exited': { target: 'reaping', actions: 'noteExit' },
      },
    },

    probing: {
      description: 'the process runs; health probes begin when the server reports that it listens',
      always: [
        { guard: 'isUnwanted', target: 'reaping', actions: 'noteCancelled' },
        {
          guard: 'hasPending',
          target: 'reaping',
          actions: { type: 'beginReplacing', params: { reason: 'reconfigured' } },
        },
      ],
      entry: 'noteStageStart',
      after: { startTimeout: { actions: 'checkStartTimeout' } },
      exit: 'cancelStartTimeout',
      on: {
        'start.timedOut': { target: 'reaping', actions: { type: 'noteFailure', params: startTimedOut } },
        'process.exited': { target: 'reaping', actions: 'noteExit' },
      },
      initial: 'awaitingListen',
      states: {
        awaitingListen: { on: { 'process.listening': 'checking' } },
        checking: {
          entry: 'noteProbeStart',
          ...awaitingAnswer('#server.probing.pausing'),
          invoke: {
            src: 'probe',
            input: ({ context }) => ({ ...inputOf({ context }), withConfig: true }),
            onDone: {
              target: 'judging',
              actions: assign(({ event }) => ({ version: event.output?.version })),
            },
            onError: [
              // A restart does not repair a defect of this package.
              {
                guard: ({ event }) => isDefect(event.error),
                description: 'a defect of this package',
                target: '#server.reaping',
                actions: { type: 'noteRefusal', params: ({ event }) => probeDefect(event.error) },
              },
              {
                target: 'pausing',
                actions: { type: 'noteProbeError', params: ({ event }) => ({ error: event.error }) },
              },
            ],
          },
        },
        judging: {
          always: [
            {
              guard: 'isUnsupported',
              target: '#server.reaping',
              actions: { type: 'noteRefusal', params: unsupported },
            },
            { target: '#server.healthy' },
          ],
        },
        pausing: { after: { probeInterval: 'checking' } },
      },
    },

    healthy: {
      description: 'turns run; the event stream is read; a health probe runs every healthIntervalMs',
      entry: ['noteHealthy', 'clearLeases', { type: 'reportStage', params: { stage: 'healthy' } }],
      on: {
        'process.exited': { target: 'reaping', actions: 'noteExit' },
        'server.evict': { target: 'reaping', actions: 'noteEvicted' },
      },
      type: 'parallel',
      states: {
        // Probes the server at intervals, measures its memory, and evaluates failed probes.
        healthCheck: {
          initial: 'waiting',
          states: {
            waiting: { after: { healthInterval: 'checking' } },
            checking: {
              entry: 'noteProbeStart',
              ...awaitingAnswer('#server.healthy.healthCheck.judging'),
              invoke: {
                src: 'probe',
                input: ({ context }) => ({ ...inputOf({ context }), withConfig: false }),
                onDone: [
                  { guard: 'measuresMemory', target: 'measuringMemory', actions: 'noteProbeAnswer' },
                  { target: 'waiting', actions: 'noteProbeAnswer' },
                ],
                onError: [
                  // The error does not concern the server; `reason` shows the error.
                  {
                    guard: ({ event }) => isHealthUnknown(event.error),
                    description: 'the error is not of the server',
                    target: 'waiting',
                    actions: { type: 'noteHealthUnknown', params: ({ event }) => ({ error: event.error }) },
                  },
                  {
                    target: 'judging',
                    actions: { type: 'noteProbeError', params: ({ event }) => ({ error: event.error }) },
                  },
                ],
              },
            },
            measuringMemory: {
              invoke: {
                src: 'memory',
                input: inputOf,
                onDone: {
                  target: 'waiting',
                  actions: { type: 'noteMemory', params: ({ event }) => event.output },
                },
                onError: 'waiting',
              },
              after: { probeTimeout: 'waiting' },
            },
            judging: {
              entry: assign(({ context }) => ({ failures: context.failures + 1 })),
              invoke: {
                src: 'silence',
                input: inputOf,
                onDone: [
                  {
                    guard: { type: 'isWedged', params: ({ event }) => event.output },
                    target: '#server.reaping',
                    actions: { type: 'noteFailure', params: wedged },
                  },
                  { target: 'waiting' },
                ],
                onError: 'waiting',
              },
            },
          },
        },
        // Reads the event stream, and opens the stream again after a loss.
        stream: {
          initial: 'reading',
          states: {
            reading: {
              invoke: {
                src: 'events',
                input: inputOf,
                onError: 'pausing',
              },
              on: { 'stream.lost': 'pausing' },
              initial: 'opening',
              states: {
                // The opening has a time limit of its own, because earlier silence does not concern this attempt.
                opening: {
                  on: { 'stream.opened': { target: 'listening', actions: assign({ streamAttempts: 0 }) } },
                  after: { streamOpening: '#server.healthy.stream.pausing' },
                },
                listening: {},
              },
            },
            pausing: {
              exit: assign(({ context }) => ({ streamAttempts: context.streamAttempts + 1 })),
              after: { streamRetry: 'reading' },
            },
          },
        },
        // Loads once what the first turn needs; no turn waits for the warm-up.
        warmUp: {
          initial: 'pending',
          states: {
            pending: { always: [{ guard: 'canWarmUp', target: 'running' }, { target: 'done' }] },
            running: {
              invoke: {
                src: 'warmUp',
                input: inputOf,
                onDone: 'done',
                onError: 'done',
              },
              after: { warmUpTimeout: 'done' },
            },
            done: {},
          },
        },
        // Accepts turns (open), or only lets running turns finish (draining) before a stop or a replacement.
        service: {
          initial: 'open',
          states: {
            open: {
              entry: ['admitTurns', 'setQueued'],
              initial: 'unused',
              states: {
                unused: {
                  always: { guard: 'hasTurns', target: 'used' },
                  after: {
                    idleTimeout: { guard: 'hasIdleTimeout', target: '#server.reaping', actions: 'noteIdle' },
                  },
                },
                used: { always: { guard: 'hasNoTurns', target: 'unused' } },
              },
              on: {
                'turn.start': [
                  { guard: 'hasTurn' },
                  { guard: 'isAgent', actions: 'requestTurn' },
                  {
                    guard: 'isOverflow',
                    actions: {
                      type: 'refuseTurn',
                      params: ({ context }) => ({ cause: overloaded(context) }),
                    },
                  },
                  { actions: [{ type: 'acceptTurn', params: { state: 'queued' } }, 'admitTurns'] },
                ],
                'turn.accepted': {
                  guard: not('hasTurn'),
                  actions: [
                    { type: 'acceptTurn', params: { state: 'queued' } },
                    'notePermitted',
                    'admitTurns',
                  ],
                },
                'turn.permitted': { actions: ['notePermitted', 'admitTurns'] },
                'turn.ended': { actions: ['releaseChild', 'admitTurns'] },
                'xstate.done.actor.*': { actions: ['releaseChild', 'admitTurns'] },
                'xstate.error.actor.*': { actions: ['releaseChild', 'admitTurns'] },
                // A request of the host that belongs to no turn keeps the server, as a turn does.
                'call.ended': { target: '.unused', actions: 'noteCall' },
                // A caller that requests the running server is about to use it, so the idle time begins anew.
                'server.start': '.unused',
                'server.reconfigure': {
                  target: 'draining',
                  actions: ['notePending', { type: 'beginReplacing', params: { reason: 'reconfigured' } }],
                },
                'memory.exceeded': {
                  target: 'draining',
                  actions: { type: 'beginReplacing', params: memoryExceeded },
                },
                'server.stop': [
                  { guard: 'canDrain', target: 'draining', actions: stopActions },
                  { target: '#server.reaping', actions: stopActions },
                ],
              },
            },
            draining: {
              entry: { type: 'reportStage', params: { stage: 'draining' } },
              always: { guard: 'isDrained', target: '#server.reaping' },
              after: { drain: '#server.reaping' },
              on: {
                'server.stop': [
                  { guard: 'canDrain', target: 'draining', reenter: true, actions: stopActions },
                  { target: '#server.reaping', actions: stopActions },
                ],
              },
            },
          },
        },
      },
    },

    reaping: {
      description: 'ends running work, then the process, then the remaining processes of the spawn',
      entry: ['endRunning', { type: 'reportStage', params: { stage: 'ending' } }],
      initial: 'disposing',
      on: { 'process.exited': { target: '.sweeping', actions: 'clearProcess' } },
      states: {
        disposing: {
          always: [
            { guard: 'hasNoProcess', target: 'sweeping' },
            { guard: 'isUnresponsive', target: 'terminating' },
          ],
          invoke: {
            src: 'dispose',
            input: inputOf,
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
          invoke: {
            src: 'sweep',
            input: inputOf,
            onDone: [
              {
                guard: ({ event }) => event.output.left === 0,
                description: 'no process is left',
                target: 'swept',
              },
              { guard: 'hasSweptEnough', target: 'swept' },
              { target: 'waiting' },
            ],
            onError: [{ guard: 'hasSweptEnough', target: 'swept' }, { target: 'waiting' }],
          },
        },
        waiting: { after: { sweepInterval: 'sweeping' } },
        swept: {
          entry: ['stopProcessActor', 'clearProcess', 'noteTime', 'dropWanted'],
          always: [
            { guard: 'isUnwanted', target: '#server.idle' },
            { guard: 'isPlannedEnd', target: '#server.configuring', actions: 'noteReplacement' },
            // A pending configuration may repair the failure, so it is used at once.
            { guard: 'hasPending', target: '#server.configuring', actions: 'noteFreeRestart' },
            { guard: 'isRefused', target: '#server.failed' },
            {
              guard: 'shouldRollBack',
              target: '#server.configuring',
              actions: ['rollBack', 'noteFreeRestart'],
            },
            { guard: 'hasBudget', target: 'coolingDown' },
            { target: '#server.failed', actions: 'noteBudgetSpent' },
          ],
        },
        coolingDown: {
          entry: { type: 'reportStage', params: { stage: 'cooling' } },
          always: { guard: 'isUnwanted', target: '#server.idle' },
          on: {
            'server.reconfigure': {
              target: '#server.configuring',
              actions: ['notePending', 'noteFreeRestart'],
            },
          },
          after: {
            backoff: { target: '#server.configuring', actions: 'noteRestart' },
          },
        },
      },
    },

    failed: {
      description:
        'no process runs; `error` is the cause; server.start retries, and so does a turn if the failure is retryable',
      entry: [
        'releaseHome',
        'noteFailed',
        'clearLeases',
        { type: 'endWaiting', params: ({ context }) => ({ cause: unavailable(context) }) },
        { type: 'reportStage', params: { stage: 'failed' } },
      ],
      on: {
        'server.start': {
          target: 'configuring',
          actions: ['noteStart', 'renewBudget', assign({ ending: undefined })],
        },
        'server.reconfigure': { actions: ['notePending', 'adoptPending'] },
        'server.passivate': { guard: 'isUnused', actions: 'passivate' },
        'turn.start': [
          { guard: 'isAgent', actions: 'requestTurn' },
          { target: '.judging', actions: 'noteTime' },
        ],
        'turn.accepted': { target: '.judging', actions: 'noteTime' },
      },
      initial: 'waiting',
      states: {
        waiting: {},
        judging: {
          always: [
            {
              guard: 'canRetryFailed',
              target: '#server.configuring',
              actions: [{ type: 'acceptTurn', params: { state: 'waitingForServer' } }, 'beginLastAttempt'],
            },
            {
              target: 'waiting',
              actions: { type: 'refuseTurn', params: ({ context }) => ({ cause: unavailable(context) }) },
            },
          ],
        },
      },
    },
  },
})

/** Actor reference of a running `serverMachine`. */
export type ServerActorRef = ActorRefFrom<typeof serverMachine>
