import { isTerminal } from '../replies.ts'
import type { RecordBatch } from './store/cluster-store.ts'
import type { TurnFact } from './turn-facts.ts'

/** Most characters of one record, as JSON. A character takes up to 3 bytes, and a message holds 1 MB. */
const mostChars = 128 * 1024
/** Characters of a part. Quotes within a part take a second one. */
const partChars = 100_000

/** Record with its size in characters. */
export interface SizedFact {
  readonly fact: TurnFact
  readonly size: number
  /** True for the terminal reply of a turn, or the last part of it. */
  readonly isEnd: boolean
}

/** Returns a fact as records that fit into a message: the fact itself, or its parts. */
export function splitFact(fact: TurnFact): SizedFact[] {
  const text = JSON.stringify(fact)
  const isEnd = fact.kind === 'reply' && isTerminal(fact.reply)
  if (text.length <= mostChars) return [{ fact, size: text.length, isEnd }]
  const parts: SizedFact[] = []
  for (let at = 0; at < text.length; at += partChars) {
    const isLast = at + partChars >= text.length
    const part = text.slice(at, at + partChars)
    const record: TurnFact = { kind: 'part', text: part, ...(isLast && { isLast }) }
    parts.push({ fact: record, size: partChars, isEnd: isLast && isEnd })
  }
  return parts
}

/** Fact with the number of its record; a fact in parts has the number of its last part. */
export interface NumberedFact {
  readonly number: number
  readonly fact: Exclude<TurnFact, { kind: 'part' }>
}

/** Joins the parts of facts again. Parts of an owner that was replaced in the middle of a fact are dropped. */
export class FactJoiner {
  #epoch = 0
  #held = ''

  /** True if no part of an unfinished fact is held: a reader may begin with the next batch. */
  get isWhole(): boolean {
    return this.#held === ''
  }

  /** Returns the whole facts that a batch completes, in order. */
  add({ epoch, first, records }: RecordBatch): NumberedFact[] {
    if (epoch !== this.#epoch) this.#held = ''
    this.#epoch = epoch
    return (records as readonly TurnFact[]).flatMap((record, i) => {
      const fact = this.#whole(record)
      return fact ? [{ number: first + i, fact }] : []
    })
  }

  #whole(record: TurnFact): NumberedFact['fact'] | undefined {
    if (record.kind !== 'part') return record
    this.#held += record.text
    if (!record.isLast) return undefined
    const text = this.#held
    this.#held = ''
    return JSON.parse(text) as NumberedFact['fact']
  }
}
