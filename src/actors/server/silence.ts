import { fromPromise } from 'xstate'
import { runtimeOf, type ServerInput } from '../runtime.ts'

/** Silence of a server's event stream. */
export interface Silence {
  /** Time since the last frame, heartbeats included, in ms. */
  silentMs: number
}

/** Measures for how long a server's event stream has been silent. */
export const silence = fromPromise<Silence, ServerInput>(({ input }) =>
  Promise.resolve({ silentMs: runtimeOf(input.runtime).connection?.router.silentMs ?? 0 }),
)
