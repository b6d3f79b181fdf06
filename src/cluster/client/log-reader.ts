import { elapse, type SystemClock } from '../../actors/clock.ts'
import { ignoreErrors } from '../../util/ignore-errors.ts'
import { FactJoiner, type NumberedFact } from '../record-parts.ts'
import type { AgentKey, ReadableLog, StoredBatch } from '../store/cluster-store.ts'

/** Silence after which the log is asked whether batches were missed, in ms. */
const quietMs = 5_000
/** Wait before the log is read again after a failure, in ms. */
const retryMs = 200

/** Place of a stored batch in the log. */
export interface BatchPlace {
  /** Number of the batch in the store. */
  readonly seq: number
  /** Number of the last record of the batch within the turn. */
  readonly last: number
  /** True if a reader may begin after the batch, because no fact goes on in the next one. */
  readonly isWhole: boolean
}

/** Listener of the facts of a stored batch, in order. */
export type FactsListener = (facts: readonly NumberedFact[], place: BatchPlace) => void

/** Terms of a reader: the turn, the store, and the listeners. */
export interface ReaderTerms {
  readonly records: ReadableLog
  readonly agent: AgentKey
  readonly turnId: string
  readonly clock: SystemClock
  /** Signal that ends the reading. */
  readonly signal: AbortSignal
  /** Receives the facts of each batch once, in the order of the log. */
  readonly onFacts: FactsListener
  /** Called when all facts that are known to be stored were emitted. */
  readonly onLevel: () => void
}

/**
 * Reader of a turn's records: the store emits them as they are stored, and gaps are filled by reading. Each batch names
 * the batch before, so that a gap is seen with the next batch; the last batches of a turn are asked for after a silence.
 */
export class LogReader {
  readonly #terms: ReaderTerms
  readonly #joiner = new FactJoiner()
  /** Batches that came before the batches between, by the number of the batch before. */
  readonly #held = new Map<number, StoredBatch>()
  #last = 0
  #reading: Promise<void> | undefined
  #isWanted = false
  /** Time of the last batch, in ms of the clock. */
  heardAt: number

  constructor(terms: ReaderTerms) {
    this.#terms = terms
    const { records, agent, turnId, clock, signal } = terms
    this.heardAt = clock.now()
    // A connection that has ended for good throws; whoever reads or sends by it is told so, too.
    ignoreErrors(() => records.watch(agent, turnId, (stored) => this.#onLive(stored), signal))
    void this.#watchSilence()
  }

  /** Number of the last batch whose facts were emitted; 0 for none. */
  get last(): number {
    return this.#last
  }

  /** Reads what is stored after the last batch. Resolves when the log was read; never rejects. */
  look(): Promise<void> {
    this.#isWanted = true
    return (this.#reading ??= this.#readAll())
  }

  #onLive(stored: StoredBatch): void {
    if (stored.seq <= this.#last || this.#terms.signal.aborted) return
    this.#held.set(stored.previous, stored)
    if (this.#reading) return
    this.#takeHeld()
    if (this.#held.size > 0) void this.look()
    else this.#terms.onLevel()
  }

  #takeHeld(): void {
    for (let next = this.#held.get(this.#last); next; next = this.#held.get(this.#last)) this.#take(next)
    for (const [previous, { seq }] of this.#held) if (seq <= this.#last) this.#held.delete(previous)
  }

  #take({ seq, batch }: StoredBatch): void {
    const { signal, onFacts } = this.#terms
    if (seq <= this.#last || signal.aborted) return
    this.#last = seq
    this.heardAt = this.#terms.clock.now()
    const last = batch.first + batch.records.length - 1
    onFacts(this.#joiner.add(batch), { seq, last, isWhole: this.#joiner.isWhole })
  }

  async #readAll(): Promise<void> {
    const { records, agent, turnId, clock, signal, onLevel } = this.#terms
    while (this.#isWanted && !signal.aborted) {
      this.#isWanted = false
      try {
        for await (const stored of records.read(agent, turnId, this.#last, signal)) this.#take(stored)
      } catch {
        this.#isWanted = true
      }
      this.#takeHeld()
      // A batch that was emitted is stored: a read that did not give the batches before was too early.
      if (this.#held.size > 0) this.#isWanted = true
      if (this.#isWanted) await elapse(clock, retryMs, signal)
    }
    // At once: a batch that is emitted from now on is not held for this reading.
    this.#reading = undefined
    if (!signal.aborted) onLevel()
  }

  async #watchSilence(): Promise<void> {
    const { records, agent, turnId, clock, signal } = this.#terms
    for (;;) {
      await elapse(clock, quietMs, signal)
      if (signal.aborted) return
      if (this.#reading || clock.now() - this.heardAt < quietMs) continue
      const last = await records.last(agent, turnId).catch(() => undefined)
      if (last && last.seq > this.#last) await this.look()
    }
  }
}
