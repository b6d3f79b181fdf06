import { assign } from 'xstate'
import { wedged } from './causes.ts'
import { lifecycle } from './lifecycle.ts'

/** The watch over its health: asks now and then, weighs it, and judges failures. */
export const watch = lifecycle.createStateConfig({
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
})
