import { inputOf } from './context.ts'
import { lifecycle } from './lifecycle.ts'

/** Its warmth: what the first turn needs is loaded once, and nobody waits for it. */
export const warmth = lifecycle.createStateConfig({
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
})
