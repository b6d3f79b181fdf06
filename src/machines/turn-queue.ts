/** Waiting or running turn, by its id and the id of its conversation. */
export interface QueuedTurn {
  readonly turnId: string
  readonly conversationId: string
  /** True if the turn has run already: its server died, and the turn will be sent again. */
  readonly isResumed?: boolean
}

/** Number of left turns that a buffer keeps at most, if they are more than half of the buffer. */
const slack = 64

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

  private constructor(buffer: QueuedTurn[], positions: Map<string, number>, from: number, to: number) {
    this.#buffer = buffer
    this.#positions = positions
    this.#from = from
    this.#to = to
  }

  private static of(turns: QueuedTurn[]): TurnQueue {
    return new TurnQueue(turns, new Map(turns.map(({ turnId }, i) => [turnId, i])), 0, turns.length)
  }

  get length(): number {
    return this.#to - this.#from
  }

  has(turnId: string): boolean {
    const position = this.#positions.get(turnId)
    return position !== undefined && position >= this.#from && position < this.#to
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
    return new TurnQueue(this.#buffer, this.#positions, this.#from, this.#to + 1)
  }

  /** Returns the queue without some turns; ids that are not in the queue are ignored. */
  without(turnIds: readonly string[]): TurnQueue {
    const left = new Set(turnIds.filter((id) => this.has(id)))
    if (left.size === 0) return this
    let from = this.#from
    while (left.delete(this.#buffer[from]?.turnId ?? '')) from++
    const isWasteful = from > slack && from > this.#to / 2
    if (left.size === 0 && !isWasteful) return new TurnQueue(this.#buffer, this.#positions, from, this.#to)
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
