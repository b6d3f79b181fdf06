import { assign } from 'xstate'
import { inputOf } from './context.ts'
import { lifecycle } from './lifecycle.ts'

/** Its event stream: read for as long as it speaks, and opened again where it does not. */
export const stream = lifecycle.createStateConfig({
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
})
