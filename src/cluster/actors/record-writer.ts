import { isDeepStrictEqual } from 'node:util'
import { elapse, type SystemClock } from '../../actors/clock.ts'
import { splitFact, type SizedFact } from '../record-parts.ts'
import {
  ClusterStoreError,
  mayPass,
  type AgentKey,
  type RecordBatch,
  type RecordLog,
} from '../store/cluster-store.ts'
import type { TurnFact } from '../turn-facts.ts'

/** Most characters and most records of one batch. */
const mostChars = 128 * 1024
const mostRecords = 500
/** Wait before a batch is sent again to a store that did not answer, in ms. */
const retryMs = 100

/** Error of an owner that another owner has replaced: nothing of the owner is stored any more. */
export class FencedError extends Error {
  override readonly name = 'FencedError'
}

/** Terms of a writer: the turn, its owner, and the store. */
export interface WriterTerms {
  readonly records: RecordLog
  readonly agent: AgentKey
  readonly turnId: string
  readonly hostId: string
  readonly epoch: number
  readonly clock: SystemClock
  /** Signal that ends all writing, because the owner has lost the agent. */
  readonly signal: AbortSignal
}

/**
 * Writer of the records of one turn for the owner of an epoch. Each batch names the batch that it follows, so that a
 * writer is refused once a later owner has written.
 */
export class RecordWriter {
  readonly #terms: WriterTerms
  /** Number of the last batch in the store. */
  #previous = 0
  /** Number of the next record. */
  #next = 1
  #waiting: SizedFact[] = []
  #writing: Promise<void> | undefined
  #error: unknown

  constructor(terms: WriterTerms) {
    this.#terms = terms
  }

  /**
   * Makes the turn the writer's own: stores `claimed` after all that is stored, so that no earlier owner can write.
   *
   * @param facts - Facts to store together with `claimed`, if the turn has no records yet.
   * @returns `new` for a turn without records before, `ended` for a turn that has its terminal reply
   * @throws FencedError if a later owner has written
   */
  async claim(facts: readonly TurnFact[] = []): Promise<'new' | 'left' | 'ended'> {
    const { records, agent, turnId, hostId, epoch } = this.#terms
    const claimed: TurnFact = { kind: 'claimed', hostId }
    if (await this.#tryClaim([claimed, ...facts])) return 'new'
    for (;;) {
      const last = await this.#persist(() => records.last(agent, turnId))
      if (last?.batch.isLast) return 'ended'
      if (last && last.batch.epoch > epoch) throw fenced(`epoch ${last.batch.epoch} has written`)
      this.#previous = last?.seq ?? 0
      this.#next = last ? last.batch.first + last.batch.records.length : 1
      if (await this.#tryClaim([claimed])) return 'left'
    }
  }

  async #tryClaim(facts: readonly TurnFact[]): Promise<boolean> {
    try {
      await this.#append({ facts, isLast: false })
      return true
    } catch (error) {
      if (error instanceof FencedError) return false
      throw error
    }
  }

  /** Adds a fact. Facts of the same moment, and those that come while the store works, travel together. */
  push(fact: TurnFact): void {
    if (this.#error !== undefined) return
    this.#waiting.push(...splitFact(fact))
    this.#writing ??= this.#writeAll()
  }

  /** Resolves when all facts so far are stored. @throws FencedError, or the reason of the signal */
  async flushed(): Promise<void> {
    while (this.#writing) await this.#writing
    if (this.#error !== undefined) throw this.#error as Error
  }

  async #writeAll(): Promise<void> {
    try {
      await Promise.resolve()
      while (this.#waiting.length > 0) await this.#append(this.#take())
    } catch (error) {
      this.#error = error
      this.#waiting = []
    } finally {
      this.#writing = undefined
    }
  }

  /** Takes the facts of the next batch. */
  #take(): { facts: TurnFact[]; isLast: boolean } {
    const facts: TurnFact[] = []
    let [chars, taken, isLast] = [0, 0, false]
    for (const { fact, size, isEnd } of this.#waiting) {
      if (facts.length >= mostRecords || (facts.length > 0 && chars + size > mostChars)) break
      const last = facts.at(-1)
      const merged = last && mergedText(last, fact)
      if (merged) facts[facts.length - 1] = merged
      else facts.push(fact)
      chars += size
      taken++
      isLast ||= isEnd
    }
    this.#waiting.splice(0, taken)
    return { facts, isLast }
  }

  /** Appends a batch, again and again until the store has it. */
  async #append({ facts, isLast }: { facts: readonly TurnFact[]; isLast: boolean }): Promise<void> {
    const { records, agent, turnId, epoch } = this.#terms
    const batch = { epoch, first: this.#next, records: facts, ...(isLast && { isLast }) }
    this.#previous = await this.#persist(async () => {
      try {
        return await records.append(agent, turnId, batch, this.#previous)
      } catch (error) {
        if (!isFault(error, 'stale')) throw error
        return await this.#storedBefore(batch)
      }
    })
    this.#next += facts.length
  }

  /** Returns the number of a batch that was stored though its acknowledgement was lost. @throws FencedError */
  async #storedBefore(batch: RecordBatch): Promise<number> {
    const { records, agent, turnId } = this.#terms
    const last = await records.last(agent, turnId)
    if (last && isDeepStrictEqual(last.batch, JSON.parse(JSON.stringify(batch)))) return last.seq
    throw fenced(`epoch ${last?.batch.epoch ?? 0} has written, not ${batch.epoch}`)
  }

  /** Calls the store until it answers. */
  async #persist<T>(call: () => Promise<T>): Promise<T> {
    const { clock, signal } = this.#terms
    for (;;) {
      signal.throwIfAborted()
      try {
        return await call()
      } catch (error) {
        if (!mayPass(error)) throw error
        await elapse(clock, retryMs, signal)
      }
    }
  }
}

const fenced = (why: string): FencedError => new FencedError(`The agent has another owner: ${why}`)

const isFault = (error: unknown, fault: ClusterStoreError['fault']): boolean =>
  error instanceof ClusterStoreError && error.fault === fault

/** Joins two neighbouring pieces of text of one kind; `undefined` for any other facts. */
function mergedText(one: TurnFact, two: TurnFact): TurnFact | undefined {
  if (one.kind !== 'reply' || two.kind !== 'reply') return undefined
  const { reply: first } = one
  const { reply: second } = two
  if (first.kind !== second.kind || (second.kind !== 'delta' && second.kind !== 'reasoning')) return undefined
  const content = (first as typeof second).content + second.content
  return { ...one, ...two, reply: { ...second, content } }
}
