import { isTerminal, type Reply, type TerminalReply, type Usage } from '../../replies.ts'
import type { LoggedTurn, TurnChange, TurnLogError } from '../turns/turn-log.ts'
import { PendingReplies } from './pending-replies.ts'
import { Tail, type Batch } from './tail.ts'

/** Most text of one turn that waits for a store that cannot be written, in characters. */
const mostPending = 33_554_432

/** Turn that has not ended, or whose end is not stored yet. */
export class LiveTurn {
  /** Durable values of the turn. */
  turn: LoggedTurn
  /** Number of the turn's row; `undefined` before the row is stored. */
  row: number | undefined
  readonly pending = new PendingReplies()
  /** Changes of the row that are not stored yet. */
  change: TurnChange = {}
  terminal: TerminalReply | undefined
  /** Error after which nothing more of the turn is stored. */
  fault: TurnLogError | undefined
  /** Resolves when the row is stored, or with the error if it cannot be; `undefined` for a row of an earlier process. */
  created: Promise<TurnLogError | undefined> | undefined
  /** True if the log is closed: readers end. */
  isClosed = false
  readonly bodyHash: string | null
  readonly tail = new Tail()
  readonly #waiting = new Set<() => void>()

  /**
   * @param turn - what is durable
   * @param bodyHash - hash of the request's body, if the turn has an Idempotency-Key
   * @param row - number of the turn's row, if the row is stored
   */
  constructor(turn: LoggedTurn, bodyHash: string | null, row?: number) {
    this.turn = turn
    this.bodyHash = bodyHash
    this.row = row
  }

  /** True if there is something to store. */
  get isDirty(): boolean {
    return this.pending.size > 0 || Object.keys(this.change).length > 0
  }

  /** Number of the last durable reply. */
  get lastSeq(): number {
    return this.turn.lastSeq
  }

  /** True if the turn's texts were erased: its further texts are not stored, and readers end. */
  get isErased(): boolean {
    return !this.turn.hasTexts
  }

  /** True if readers get nothing more. */
  get isOver(): boolean {
    return this.turn.state === 'done' || this.isErased || this.isClosed
  }

  /** Throws the error after which nothing more of the turn is stored, if there is one. */
  requireStorable(): void {
    if (this.fault) throw this.fault
  }

  /** Takes a reply. Replies after the terminal one are ignored. Returns false if too much waits already. */
  take(reply: Reply, usage: Usage, at?: number): boolean {
    if (this.terminal || this.fault) return true
    if (this.pending.size > mostPending) return false
    this.pending.push(reply, at)
    this.change.usage = usage
    if (isTerminal(reply)) this.terminal = reply
    return true
  }

  /** Makes stored replies visible to the readers. */
  publish(turn: LoggedTurn, batches: readonly { batch: Batch; size: number }[]): void {
    this.turn = turn
    this.pending.clear()
    this.change = {}
    if (!this.isErased) for (const { batch, size } of batches) this.tail.add(batch, size)
    this.wake()
  }

  /** Ends the readers, and stores no further text of the turn. */
  erase(): void {
    this.turn = { ...this.turn, hasTexts: false }
    this.tail.clear()
    this.wake()
  }

  /** Ends the readers, because the log is closed. */
  close(): void {
    this.isClosed = true
    this.wake()
  }

  /** Wakes all readers that wait. */
  wake(): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const wake of waiting) wake()
  }

  /** Waits until something changes. Returns a function that ends the wait. */
  wait(wake: () => void): () => void {
    this.#waiting.add(wake)
    return () => this.#waiting.delete(wake)
  }
}
