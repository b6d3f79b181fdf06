/** Waiting or running turn, by its id and the id of its conversation. */
export interface QueuedTurn {
  readonly turnId: string
  readonly conversationId: string
  /** True if the turn has run already: its server died, and the turn will be sent again. */
  readonly isResumed?: boolean
  /** True for an operation of a session, which counts for no limit of turns. */
  readonly isOperation?: boolean
}

/** Number of left turns that a buffer keeps at most, if they are more than half of the buffer. */
const slack = 64

const isOperation = (entry: QueuedTurn): boolean => entry.isOperation === true

/**
 * Immutable queue of waiting turns, the next one first.
 *
 * @remarks Versions of a queue share one buffer, so that adding a turn at the end, taking turns from the
 * front and looking a turn up cost the same for any length. Other changes copy the queue.
 */
export class TurnQueue implements Iterable<QueuedTurn> {
  static readonly empty = TurnQueue.of([])

  readonly #buffer: QueuedTurn[]
  readonly #positions: Map<string, number>
  readonly #from: number
  readonly #to: number
  /** Number of waiting operations. */
  readonly #operations: number

  private constructor(
    buffer: QueuedTurn[],
    positions: Map<string, number>,
    [from, to]: readonly [number, number],
    operations: number,
  ) {
    this.#buffer = buffer
    this.#positions = positions
    this.#from = from
    this.#to = to
    this.#operations = operations
  }

  private static of(turns: QueuedTurn[]): TurnQueue {
    const positions = new Map(turns.map(({ turnId }, i) => [turnId, i]))
    return new TurnQueue(turns, positions, [0, turns.length], turns.filter(isOperation).length)
  }

  get length(): number {
    return this.#to - this.#from
  }

  /** Number of waiting turns without the operations, which count for no limit. */
  get turns(): number {
    return this.length - this.#operations
  }

  get hasOperations(): boolean {
    return this.#operations > 0
  }

  has(turnId: string): boolean {
    const position = this.#positions.get(turnId)
    return position !== undefined && position >= this.#from && position < this.#to
  }

  /** Returns a turn of the queue; `undefined` for another id. */
  get(turnId: string): QueuedTurn | undefined {
    return this.has(turnId) ? this.#buffer[this.#positions.get(turnId) ?? -1] : undefined
  }

  /** Returns the queue with a turn added: at the end, or, if the turn is resumed, after the resumed turns in front. */
  add(turn: QueuedTurn): TurnQueue {
    if (turn.isResumed === true) {
      const turns = [...this]
      const first = turns.findIndex(({ isResumed }) => isResumed !== true)
      return TurnQueue.of(turns.toSpliced(first < 0 ? turns.length : first, 0, turn))
    }
    // A later version has written behind the end of this version.
    if (this.#buffer.length !== this.#to) return TurnQueue.of([...this, turn])
    this.#positions.set(turn.turnId, this.#to)
    this.#buffer.push(turn)
    const operations = this.#operations + (isOperation(turn) ? 1 : 0)
    return new TurnQueue(this.#buffer, this.#positions, [this.#from, this.#to + 1], operations)
  }

  /** Returns the queue without some turns; ids that are not in the queue are ignored. */
  without(turnIds: readonly string[]): TurnQueue {
    const left = new Set(turnIds.filter((id) => this.has(id)))
    if (left.size === 0) return this
    let from = this.#from
    let operations = this.#operations
    for (let next = this.#buffer[from]; next && left.delete(next.turnId); next = this.#buffer[from]) {
      if (isOperation(next)) operations--
      from++
    }
    const isWasteful = from > slack && from > this.#to / 2
    if (left.size === 0 && !isWasteful)
      return new TurnQueue(this.#buffer, this.#positions, [from, this.#to], operations)
    const rest = this.#buffer.slice(from, this.#to)
    return TurnQueue.of(rest.filter(({ turnId }) => !left.has(turnId)))
  }

  *[Symbol.iterator](): Generator<QueuedTurn, void, void> {
    for (let i = this.#from; i < this.#to; i++) {
      const turn = this.#buffer[i]
      if (turn) yield turn
    }
  }

  /** Returns the turns, the next one first. */
  toJSON(): QueuedTurn[] {
    return [...this]
  }
}
