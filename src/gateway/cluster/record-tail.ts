import type { LoggedReply } from '../turns/turn-log.ts'

/** Neighbouring replies, shared by all readers. */
export type Batch = readonly LoggedReply[]

/** Most batches, and most characters, that a tail keeps; the last batch always stays. */
const mostBatches = 256
const mostSize = 262_144

/**
 * Last replies of a turn of the cluster, in the memory. Their numbers grow with holes, because other records lie between.
 * A reader holds a number and no batch: a reader whose place has left the tail reads on from the cluster's log.
 */
export class RecordTail {
  readonly #entries: { batch: Batch; last: number; size: number }[] = []
  #size = 0
  /** Number of the last reply that has left the tail; 0 for none. */
  #start = 0

  /** Adds replies. Returns their size in characters. */
  add(batch: Batch): number {
    const last = batch.at(-1)?.seq
    if (last === undefined) return 0
    const size = JSON.stringify(batch).length
    this.#entries.push({ batch, last, size })
    this.#size += size
    while (this.#entries.length > 1 && (this.#entries.length > mostBatches || this.#size > mostSize)) {
      const dropped = this.#entries.shift()
      this.#size -= dropped?.size ?? 0
      this.#start = dropped?.last ?? this.#start
    }
    return size
  }

  /** Returns whether replies after a number have left the tail. */
  isBehind(seq: number): boolean {
    return seq < this.#start
  }

  /** Returns the next replies after a number, up to the end of a batch; `undefined` if the tail does not have them. */
  after(seq: number): Batch | undefined {
    if (this.isBehind(seq)) return undefined
    let found: Batch | undefined
    for (let i = this.#entries.length - 1; i >= 0; i--) {
      const entry = this.#entries[i]
      if (!entry || entry.last <= seq) break
      found = entry.batch
    }
    return found && (found[0]?.seq ?? 0) <= seq ? found.filter((reply) => reply.seq > seq) : found
  }
}
