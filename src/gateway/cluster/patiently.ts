import { setTimeout as sleep } from 'node:timers/promises'
import { ClusterStoreError } from '../../cluster/store/cluster-store.ts'

/** Wait before a store that is away is asked again, in ms. */
const retryMs = 100

/**
 * Calls the store of a cluster, again and again while the store is away: an election of NATS takes a moment.
 *
 * @param limitMs - time after which a store that is away is an error; no limit if absent
 * @param signal - ends the attempts
 * @throws ClusterStoreError of the last attempt
 */
export async function patiently<T>(
  call: () => Promise<T>,
  { limitMs = Infinity, signal }: { limitMs?: number; signal?: AbortSignal | undefined } = {},
): Promise<T> {
  const until = performance.now() + limitMs
  for (;;)
    try {
      return await call()
    } catch (error) {
      const isAway = error instanceof ClusterStoreError && error.fault === 'unavailable'
      if (!isAway || signal?.aborted || performance.now() >= until) throw error
      await sleep(retryMs, undefined, { ...(signal && { signal }) }).catch(() => undefined)
    }
}
