import type { NumberedFact } from '../../cluster/record-parts.ts'
import { FactJoiner } from '../../cluster/record-parts.ts'
import type { AgentKey, RecordLog } from '../../cluster/store/cluster-store.ts'
import { patiently } from './patiently.ts'
import { terminalOnWire } from '../schemas/turn.ts'
import { isTerminal } from '../../replies.ts'
import type { LoggedReply } from '../turns/turn-log.ts'
import type { Batch } from './record-tail.ts'

/** Most characters of a page; a single larger batch of the store is a page of its own. */
const pageSize = 262_144
/** Characters between two marks. */
const markSize = 65_536

/** Place at which a reader of the log may begin. */
interface Mark {
  /** Number of the last record before the place. */
  last: number
  /** Number of the last batch before the place, in the store. */
  seq: number
}

/** Returns the replies among facts, as the wire has them. */
export const repliesOf = (facts: readonly NumberedFact[]): LoggedReply[] =>
  facts.flatMap(({ number: seq, fact }): LoggedReply[] => {
    if (fact.kind !== 'reply') return []
    const { reply, at } = fact
    if (isTerminal(reply)) return [{ seq, reply: terminalOnWire(reply) }]
    return [{ seq, reply, ...(at !== undefined && { at }) }]
  })

/** Pages of a turn's replies, read from the log of the cluster. */
export class RecordPages {
  readonly #records: Pick<RecordLog, 'read'>
  readonly #agent: AgentKey
  readonly #turnId: string
  /** Places in the log, in their order, so that a reader of the last replies does not read the whole turn. */
  readonly #marks: Mark[] = []
  #sinceMark = 0

  constructor(records: Pick<RecordLog, 'read'>, agent: AgentKey, turnId: string) {
    this.#records = records
    this.#agent = agent
    this.#turnId = turnId
  }

  /** Notes a place between two batches of the store, if it is far enough from the last one. */
  mark(mark: Mark, size: number): void {
    this.#sinceMark += size
    if (this.#sinceMark < markSize || mark.last <= (this.#marks.at(-1)?.last ?? 0)) return
    this.#sinceMark = 0
    this.#marks.push(mark)
  }

  /** Reads the replies after a number, at most one page; `undefined` if there are none. Waits for a store that is away. */
  read(number: number, signal?: AbortSignal): Promise<Batch | undefined> {
    return patiently(() => this.#after(number, signal), { signal })
  }

  async #after(number: number, signal?: AbortSignal): Promise<Batch | undefined> {
    const from = this.#marks.findLast(({ last }) => last <= number)?.seq ?? 0
    const joiner = new FactJoiner()
    const page: LoggedReply[] = []
    let size = 0
    for await (const { seq, batch } of this.#records.read(this.#agent, this.#turnId, from, signal)) {
      const replies = repliesOf(joiner.add(batch))
      const read = JSON.stringify(batch.records).length
      if (joiner.isWhole) this.mark({ last: batch.first + batch.records.length - 1, seq }, read)
      const wanted = replies.filter((reply) => reply.seq > number)
      page.push(...wanted)
      if (wanted.length > 0) size += read
      if (size > pageSize) break
    }
    return page.length > 0 ? page : undefined
  }
}
