import type { SystemClock } from '../actors/clock.ts'
import { keepOn } from './actors/keep-on.ts'
import { ClusterStoreError, type ClusterStore, type Entry } from './store/cluster-store.ts'
import type { WishRecord } from './store/records.ts'

/** Asks a host to leave the cluster. A later wish replaces an earlier one. @throws ClusterStoreError */
export async function wish(
  wishes: Pick<ClusterStore['wishes'], 'get' | 'set'>,
  hostId: string,
  { incarnation, drainMs }: Pick<WishRecord, 'incarnation' | 'drainMs'>,
): Promise<void> {
  for (;;) {
    const before = await wishes.get(hostId)
    try {
      await wishes.set(hostId, { incarnation, drainMs, at: Date.now() }, before?.revision ?? 0)
      return
    } catch (error) {
      if (!(error instanceof ClusterStoreError) || error.fault !== 'stale') throw error
    }
  }
}

/** Host that follows the wishes. */
export interface WishedHost {
  readonly hostId: string
  /** Returns the present run of the host; `undefined` before it has joined. */
  readonly incarnation: () => string | undefined
  readonly onWish: (wish: WishRecord) => void
  readonly clock: SystemClock
}

/** Wishes that a host leaves, as the host sees them. Those for another run of the host are passed over. */
export class Wishes {
  readonly #store: Pick<ClusterStore, 'wishes'>
  readonly #host: WishedHost
  readonly #stopped = new AbortController()
  #latest: Entry<WishRecord> | undefined

  constructor(store: Pick<ClusterStore, 'wishes'>, host: WishedHost) {
    this.#store = store
    this.#host = host
    void keepOn(host.clock, this.#stopped.signal, () => this.#watch())
  }

  /** Looks whether the latest wish is for the present run, which may have begun after the wish came. */
  look(): void {
    const wished = this.#latest?.value
    if (wished && wished.incarnation === this.#host.incarnation()) this.#host.onWish(wished)
  }

  /** Follows no further wish, and deletes the one that was fulfilled. */
  async end(): Promise<void> {
    this.#stopped.abort()
    const latest = this.#latest
    // A wish that stays is for a run that has ended.
    if (latest) await this.#store.wishes.delete(latest.key, latest.revision).catch(() => undefined)
  }

  #watch(): Promise<void> {
    const { signal } = this.#stopped
    return this.#store.wishes.watch(({ key, value, revision }) => {
      if (key !== this.#host.hostId || signal.aborted) return
      this.#latest = value && { key, value, revision }
      this.look()
    }, signal)
  }
}
