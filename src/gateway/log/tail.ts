import type { LoggedReply } from '../turns/turn-log.ts'

/** Neighbouring replies, shared by all readers. */
export type Batch = readonly LoggedReply[]

/** Most batches that a tail keeps. */
const mostBatches = 256
/** Most text that a tail keeps, in characters; the last batch always stays. */
const mostSize = 262_144

/**
 * Last batches of a running turn, in the memory. A reader holds a number and no batch, so that a reader that does
 * not read keeps nothing alive: if its place has left the tail, it reads on from the store.
 */
export class Tail {
  #batches: { batch: Batch; first: number; last: number; size: number }[] = []
  #size = 0

  /** Adds replies that are durable. */
  add(batch: Batch, size: number): void {
    const first = batch[0]?.seq
    const last = batch.at(-1)?.seq
    if (first === undefined || last === undefined) return
    this.#batches.push({ batch, first, last, size })
    this.#size += size
    let dropped = 0
    while (this.#isOver(dropped)) this.#size -= this.#batches[dropped++]?.size ?? 0
    if (dropped > 0) this.#batches.splice(0, dropped)
  }

  /** Returns the replies after a number up to the end of a batch; `undefined` if the tail does not have the next one. */
  after(seq: number): Batch | undefined {
    for (let i = this.#batches.length - 1; i >= 0; i--) {
      const entry = this.#batches[i]
      if (!entry || entry.last <= seq) return undefined
      if (entry.first === seq + 1) return entry.batch
      if (entry.first <= seq) return entry.batch.slice(seq + 1 - entry.first)
    }
    return undefined
  }

  clear(): void {
    this.#batches = []
    this.#size = 0
  }

  #isOver(dropped: number): boolean {
    const left = this.#batches.length - dropped
    return left > 1 && (left > mostBatches || this.#size > mostSize)
  }
}
