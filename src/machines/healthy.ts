import { assign } from 'xstate'
import { memoryExceeded, wedged } from './causes.ts'
import { lifecycle, stopping } from './lifecycle.ts'

/** Four things side by side: the watch over its health, its event stream, its warmth, and its service to turns. */
export const healthy = lifecycle.createStateConfig({
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
            onDone: [
              { guard: 'hasMemoryLimit', target: 'weighing', actions: assign({ failures: 0 }) },
              { target: 'resting', actions: assign({ failures: 0 }) },
            ],
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
        weighing: {
          invoke: {
            src: 'memory',
            input: ({ context }) => ({ options: context.options }),
            onDone: {
              target: 'resting',
              actions: { type: 'noteMemory', params: ({ event }) => event.output },
            },
            onError: 'resting',
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

    warmth: {
      initial: 'cold',
      states: {
        cold: { always: [{ guard: 'isToWarmUp', target: 'warming' }, { target: 'warm' }] },
        warming: {
          invoke: {
            src: 'warmUp',
            input: ({ context }) => ({ options: context.options }),
            onDone: 'warm',
            onError: 'warm',
          },
          after: { warmUpTimeout: 'warm' },
        },
        warm: {},
      },
    },

    service: {
      initial: 'open',
      states: {
        open: {
          entry: ['admitTurns', 'tellQueued'],
          initial: 'unused',
          states: {
            unused: {
              always: { guard: 'hasTurns', target: 'used' },
              after: { idleTimeout: { guard: 'restsWhenIdle', target: '#server.reaping', actions: 'rest' } },
            },
            used: { always: { guard: 'hasNoTurns', target: 'unused' } },
          },
          on: {
            'turn.start': {
              guard: 'isKnownTurn',
              actions: [{ type: 'acceptTurn', params: { state: 'queued' } }, 'admitTurns', 'refuseOverflow'],
            },
            'turn.ended': { actions: ['releaseChild', 'admitTurns'] },
            'xstate.done.actor.*': { actions: ['releaseChild', 'admitTurns'] },
            'xstate.error.actor.*': { actions: ['releaseChild', 'admitTurns'] },
            // It is wanted as it is; nobody has to wait. Who asks for it has a use for it.
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
})
