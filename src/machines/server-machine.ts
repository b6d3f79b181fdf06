import { and, assign } from 'xstate'
import type { Prepared } from '../actors/server/prepare.ts'
import { asRuntimeError, HostFaultError } from '../errors.ts'
import { machineSetup, stopping } from './actions.ts'
import { awaitingAnswer } from './awaiting-answer.ts'
import { initialContext, inputOf, isDefect, isNoVerdict, mayBeOfConfiguration } from './context.ts'
import {
  memoryExceeded,
  overloaded,
  probeDefect,
  startTimedOut,
  unavailable,
  unsupported,
  wedged,
} from './failures.ts'

const noted = ({ baseURL, reaped }: Prepared) => ({
  baseURL,
  ...(reaped !== undefined && { reason: `reaped an orphan (pid ${reaped}) of an earlier host` }),
})

const notePrepareError = {
  type: 'noteFailure',
  params: ({ event }: { event: { error: unknown } }) => ({
    error: asRuntimeError(event.error, 'The server could not be prepared'),
    reason: 'could not be prepared',
  }),
} as const

/**
 * The lifecycle of one opencode server: idle → configuring → spawning → probing → healthy → reaping, and `failed` where
 * the restart budget is spent. It decides; its actors act. Turns are its children, `turn:<turnId>`.
 *
 * Input: `compileOptions(options)`. Embed it, `provide()` actors of your own, read `snapshot.matches('healthy')`.
 *
 * @example
 * import { compileOptions, serverMachine } from 'opencode-runtime'
 * import { createActor, waitFor } from 'xstate'
 *
 * const options = compileOptions({
 *   home: '/srv/agents/a1',
 *   proxy: { baseURL: 'http://127.0.0.1:4000/v1', apiKey: process.env['AGENT_KEY'] ?? '' },
 *   models: ['gpt-4o'],
 * })
 * const actor = createActor(serverMachine, { input: options }).start()
 * actor.send({ type: 'server.start' })
 * await waitFor(actor, (snapshot) => snapshot.matches('healthy'))
 * actor.stop() // ends the process tree
 */
export const serverMachine = machineSetup.createMachine({
  id: 'server',
  context: ({ input }) => initialContext(input),
  initial: 'idle',
  invoke: { id: 'home', src: 'home', input: inputOf },
  on: {
    'server.start': { actions: 'want' },
    'server.release': { actions: 'release' },
    'server.stop': { actions: stopping },
    'server.reconfigure': { actions: 'notePending' },
    'turn.start': [
      {
        guard: 'isOverflow',
        actions: { type: 'refuseTurn', params: ({ context }) => ({ cause: overloaded(context) }) },
      },
      { guard: 'isKnownTurn', actions: { type: 'acceptTurn', params: { state: 'waitingForServer' } } },
    ],
    'turn.cancel': { actions: 'cancelTurn' },
    'turn.ended': { actions: 'releaseChild' },
    'xstate.done.actor.*': { actions: 'releaseChild' },
    'xstate.error.actor.*': { actions: 'releaseChild' },
  },
  states: {
    idle: {
      description: 'nothing runs, nothing is wanted',
      entry: ['forget', 'adoptPending', 'releaseHome'],
      always: { guard: 'isWanted', target: 'configuring' },
      on: { 'server.reconfigure': { actions: ['notePending', 'adoptPending'] } },
    },

    configuring: {
      description:
        'finds the binary, locks the home, reaps an orphan of an earlier host, writes the config, picks the port',
      entry: ['beginStart', 'adoptPending', 'holdHome'],
      invoke: {
        src: 'prepare',
        input: inputOf,
        onDone: { target: 'spawning', actions: assign(({ event }) => noted(event.output)) },
        onError: [
          {
            guard: and(['canRollBack', ({ event }) => mayBeOfConfiguration(event.error)]),
            target: 'configuring',
            reenter: true,
            actions: [notePrepareError, 'rollBack'],
          },
          // A fault of the host may pass: it is tried again, within the restart budget.
          {
            guard: ({ event }) => event.error instanceof HostFaultError,
            target: 'reaping',
            actions: notePrepareError,
          },
          { target: 'failed', actions: notePrepareError },
        ],
      },
      always: { guard: 'isUnwanted', target: 'idle', actions: 'noteUnwanted' },
      on: { 'server.reconfigure': { target: 'configuring', reenter: true, actions: 'notePending' } },
    },

    spawning: {
      description: 'the process is being started, in its own group',
      // A stop waits for what becomes of it: what is not known cannot be ended.
      entry: ['noteBegin', 'spawnProcess'],
      after: { startTimeout: { actions: 'judgeStart' } },
      exit: 'forgetTimeout',
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
      description: 'the process runs; it is asked for its health once it says that it listens',
      always: [
        { guard: 'isUnwanted', target: 'reaping', actions: 'noteUnwanted' },
        {
          guard: 'hasPending',
          target: 'reaping',
          actions: { type: 'beginReplacing', params: { reason: 'reconfigured' } },
        },
      ],
      entry: 'noteBegin',
      after: { startTimeout: { actions: 'judgeStart' } },
      exit: 'forgetTimeout',
      on: {
        'start.timedOut': { target: 'reaping', actions: { type: 'noteFailure', params: startTimedOut } },
        'process.exited': { target: 'reaping', actions: 'noteExit' },
      },
      initial: 'awaitingListen',
      states: {
        awaitingListen: { on: { 'process.listening': 'asking' } },
        asking: {
          entry: 'noteAsked',
          ...awaitingAnswer('#server.probing.pausing'),
          invoke: {
            src: 'probe',
            input: ({ context }) => ({ ...inputOf({ context }), withConfig: true }),
            onDone: {
              target: 'judging',
              actions: assign(({ event }) => ({ version: event.output?.version })),
            },
            onError: [
              // No other process would do better.
              {
                guard: ({ event }) => isDefect(event.error),
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
        pausing: { after: { probeInterval: 'asking' } },
      },
    },

    healthy: {
      description: 'turns run; the event stream is up; health is asked now and then',
      entry: 'beHealthy',
      on: { 'process.exited': { target: 'reaping', actions: 'noteExit' } },
      type: 'parallel',
      states: {
        // The watch over its health: asks now and then, weighs it, and judges failures.
        watch: {
          initial: 'resting',
          states: {
            resting: { after: { healthInterval: 'asking' } },
            asking: {
              entry: 'noteAsked',
              ...awaitingAnswer('#server.healthy.watch.judging'),
              invoke: {
                src: 'probe',
                input: ({ context }) => ({ ...inputOf({ context }), withConfig: false }),
                onDone: [
                  { guard: 'hasMemoryLimit', target: 'weighing', actions: 'noteAnswer' },
                  { target: 'resting', actions: 'noteAnswer' },
                ],
                onError: [
                  // The error gives no verdict on the server; the reason tells it.
                  {
                    guard: ({ event }) => isNoVerdict(event.error),
                    target: 'resting',
                    actions: { type: 'noteNoVerdict', params: ({ event }) => ({ error: event.error }) },
                  },
                  {
                    target: 'judging',
                    actions: { type: 'noteProbeError', params: ({ event }) => ({ error: event.error }) },
                  },
                ],
              },
            },
            weighing: {
              invoke: {
                src: 'memory',
                input: inputOf,
                onDone: {
                  target: 'resting',
                  actions: { type: 'noteMemory', params: ({ event }) => event.output },
                },
                onError: 'resting',
              },
              after: { probeTimeout: 'resting' },
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
        // Its event stream: read for as long as it speaks, and opened again where it does not.
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
        // Its warmth: what the first turn needs is loaded once, and nobody waits for it.
        warmth: {
          initial: 'cold',
          states: {
            cold: { always: [{ guard: 'isToWarmUp', target: 'warming' }, { target: 'warm' }] },
            warming: {
              invoke: {
                src: 'warmUp',
                input: inputOf,
                onDone: 'warm',
                onError: 'warm',
              },
              after: { warmUpTimeout: 'warm' },
            },
            warm: {},
          },
        },
        // Its service to turns: open, or draining before the server is replaced or stopped.
        service: {
          initial: 'open',
          states: {
            open: {
              entry: ['admitTurns', 'tellQueued'],
              initial: 'unused',
              states: {
                unused: {
                  always: { guard: 'hasTurns', target: 'used' },
                  after: {
                    idleTimeout: { guard: 'restsWhenIdle', target: '#server.reaping', actions: 'rest' },
                  },
                },
                used: { always: { guard: 'hasNoTurns', target: 'unused' } },
              },
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
                // The server is wanted as it runs. A caller that asks for it has a use for it, so the idle time begins anew.
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
            { guard: 'isQuiet', target: 'terminating' },
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
              { guard: ({ event }) => event.output.left === 0, target: 'swept' },
              { guard: 'hasSweptEnough', target: 'swept' },
              { target: 'resting' },
            ],
            onError: [{ guard: 'hasSweptEnough', target: 'swept' }, { target: 'resting' }],
          },
        },
        resting: { after: { sweepInterval: 'sweeping' } },
        swept: {
          entry: ['dropProcess', 'noteGone', 'noteTime'],
          always: [
            { guard: 'isUnwanted', target: '#server.idle' },
            { guard: 'isMeantToStop', target: '#server.configuring', actions: 'noteReplaced' },
            // Another configuration may be the cure: it is tried at once, whatever became of this one.
            { guard: 'hasPending', target: '#server.configuring', actions: 'noteRespawn' },
            { guard: 'isRefused', target: '#server.failed' },
            {
              guard: 'shouldRollBack',
              target: '#server.configuring',
              actions: ['rollBack', 'noteRespawn'],
            },
            { guard: 'hasBudget', target: 'coolingDown' },
            { target: '#server.failed', actions: 'giveUp' },
          ],
        },
        coolingDown: {
          always: { guard: 'isUnwanted', target: '#server.idle' },
          on: {
            'server.reconfigure': { target: '#server.configuring', actions: ['notePending', 'noteRespawn'] },
          },
          after: {
            backoff: { target: '#server.configuring', actions: 'noteRestart' },
          },
        },
      },
    },

    failed: {
      description:
        'nothing runs; the error says why; server.start tries again, and so does a turn if the fault may have passed',
      entry: [
        'releaseHome',
        'noteFailed',
        { type: 'endWaiting', params: ({ context }) => ({ cause: unavailable(context) }) },
      ],
      on: {
        'server.start': {
          target: 'configuring',
          actions: ['want', 'renewBudget', assign({ ending: undefined })],
        },
        'server.reconfigure': { actions: ['notePending', 'adoptPending'] },
        'turn.start': { guard: 'isKnownTurn', target: '.judging', actions: 'noteTime' },
      },
      initial: 'resting',
      states: {
        resting: {},
        judging: {
          always: [
            {
              guard: 'mayTryAgain',
              target: '#server.configuring',
              actions: [{ type: 'acceptTurn', params: { state: 'waitingForServer' } }, 'beginLastTry'],
            },
            {
              target: 'resting',
              actions: { type: 'refuseTurn', params: ({ context }) => ({ cause: unavailable(context) }) },
            },
          ],
        },
      },
    },
  },
})
