import { elapse, systemClock } from '../../actors/clock.ts'
import { mayPass } from '../store/cluster-store.ts'

/** Wait before a store that did not answer is asked again, in ms. */
const retryMs = 200

/**
 * Calls the store until it answers.
 *
 * @throws ClusterStoreError with any other fault, or the reason of the signal
 */
export async function persist<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (;;) {
    signal.throwIfAborted()
    try {
      return await call()
    } catch (error) {
      if (!mayPass(error)) throw error
      await elapse(systemClock, retryMs, signal)
    }
  }
}
