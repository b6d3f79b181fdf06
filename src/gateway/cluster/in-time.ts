import { setTimeout as sleep } from 'node:timers/promises'
import { ClusterStoreError } from '../../cluster/store/cluster-store.ts'

/** Waits for a promise, at most a time in ms. Resolves with whether the promise has resolved. */
export async function inTime(ms: number, promise: Promise<void>): Promise<boolean> {
  const over = new AbortController()
  const late = sleep(ms, false, { signal: over.signal, ref: false }).catch(() => false)
  return Promise.race([promise.then(() => true), late]).finally(() => over.abort())
}

/** Waits for a promise. @throws ClusterStoreError `unavailable` after a time in ms */
export async function requireInTime(ms: number, promise: Promise<void>): Promise<void> {
  if (await inTime(ms, promise)) return
  throw new ClusterStoreError('unavailable', 'The cluster did not answer in time: try again')
}
