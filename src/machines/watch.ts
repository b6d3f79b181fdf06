import { assign } from 'xstate'
import { wedged } from './causes.ts'
import { awaitingAnswer } from './awaiting-answer.ts'
import { inputOf, isNoVerdict } from './context.ts'
import { lifecycle } from './lifecycle.ts'

/** The watch over its health: asks now and then, weighs it, and judges failures. */
export const watch = lifecycle.createStateConfig({
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
          // It says nothing of the server, and is told.
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
})
