import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { discardEndedBefore, discardOldest, emptyTrash, shrink } from './deletion.ts'
import type { Store } from './store.ts'

const dayMs = 86_400_000
const megabyte = 1_048_576

/** Time between two runs, in ms. */
const intervalMs = 10_000
/** Time for which an Idempotency-Key is valid, in ms. */
export const keyMs = dayMs
/** Shares of the largest size: above the first one old turns are deleted, down to the second one. */
const deleteAbove = 0.9
const deleteTo = 0.8
/** Share of the used bytes that may be free in the file, and the least such size, in bytes. */
const allowedFree = 0.25
const leastFree = 4 * megabyte

/** Options of what is kept: days after the end of a turn, and the largest size in MiB. */
export interface KeptTurns {
  retentionDays: number
  maxStoreMb: number
}

/** Bounds of the store. */
export interface Bounds {
  retentionMs: number
  maxBytes: number
  /** Free bytes of the disk below which no new turn is added. */
  minFreeBytes: number
}

/** Deletes old turns in the background, and knows whether the store is full. */
export class Retention {
  readonly #store: Store
  #bounds: Bounds
  readonly #now: () => number
  readonly #probe: () => void
  #running: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #isStopped = false
  /** Erased texts may still be in the write-ahead log. */
  mustTruncate = false
  /** True if no new turn may be added. */
  isFull = false

  /** @param probe - tries a write if the last one failed */
  constructor(store: Store, bounds: Bounds, now: () => number, probe: () => void) {
    this.#store = store
    this.#bounds = bounds
    this.#now = now
    this.#probe = probe
  }

  /** Changes the bounds, and runs once by them. */
  async bound(bounds: Bounds): Promise<void> {
    this.#bounds = bounds
    // A run that has begun may have used the former bounds.
    await this.#running?.catch(() => undefined)
    await this.runInBackground()
  }

  /** Runs now and then, until `stop`. */
  start(): void {
    this.#timer = setInterval(() => void this.runInBackground(), intervalMs)
    this.#timer.unref()
  }

  /** Ends the runs, and waits for the present one. */
  async stop(): Promise<void> {
    this.#isStopped = true
    clearInterval(this.#timer)
    await this.#running?.catch(() => undefined)
  }

  /** Runs once; a run that has begun is returned. Deletes what is too old or too much, and returns disk space. */
  run(): Promise<void> {
    this.#running ??= this.#runOnce().finally(() => (this.#running = undefined))
    return this.#running
  }

  /** Runs once. A failed run is tried again at the next time; a fault of the store is told by the commits. */
  async runInBackground(): Promise<void> {
    await this.run().catch(() => undefined)
  }

  async #runOnce(): Promise<void> {
    const store = this.#store
    this.#probe()
    await emptyTrash(store)
    await discardEndedBefore(store, this.#now() - this.#bounds.retentionMs)
    await this.#deleteToSize()
    const { used } = store.size()
    this.isFull = used >= this.#bounds.maxBytes || (await this.#hasFullDisk())
    await shrink(store, Math.max(leastFree, allowedFree * used))
    const isDone = await store.checkpoint(this.mustTruncate ? 'truncate' : 'passive')
    if (isDone) this.mustTruncate = false
  }

  async #deleteToSize(): Promise<void> {
    const { maxBytes } = this.#bounds
    if (this.#store.size().used <= deleteAbove * maxBytes) return
    while (!this.#isStopped && this.#store.size().used > deleteTo * maxBytes)
      if (!(await discardOldest(this.#store, this.#now() - keyMs))) return
  }

  async #hasFullDisk(): Promise<boolean> {
    const { bavail, bsize } = await statfs(dirname(this.#store.file))
    return bavail * bsize < this.#bounds.minFreeBytes
  }
}

/** Returns the bounds of what is kept, in ms and bytes. */
export const keptBounds = ({ retentionDays, maxStoreMb }: KeptTurns): Omit<Bounds, 'minFreeBytes'> => ({
  retentionMs: retentionDays * dayMs,
  maxBytes: maxStoreMb * megabyte,
})
