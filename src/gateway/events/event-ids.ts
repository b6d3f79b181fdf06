import type { TurnLog } from '../turns/turn-log.ts'

/** Number of ids that one reservation holds. */
const step = 1_000_000

/**
 * Ids of events, which grow by one, and are not used again after a restart of the gateway: the store holds the
 * beginning of the ids that no process has reserved.
 */
export class EventIds {
  readonly #log: TurnLog
  #last: number
  #end: number

  private constructor(log: TurnLog, first: number) {
    this.#log = log
    this.#last = first - 1
    this.#end = first + step
  }

  /** Reserves ids in the store, all of them after a number. */
  static async reserve(log: TurnLog, after: number): Promise<EventIds> {
    return new EventIds(log, after + (await log.reserve(counter, step)))
  }

  /** Id of the last event; one less than the first id before the first event. */
  get last(): number {
    return this.#last
  }

  /** Returns the id of the next event. */
  next(): number {
    if (++this.#last === this.#end - step / 2) this.#extend()
    return this.#last
  }

  /** Reserves further ids long before they are needed. A store that cannot be written is told by its own users. */
  #extend(): void {
    this.#end += step
    this.#log.reserve(counter, step).catch(() => undefined)
  }
}

/** Name of the counter in the store. */
const counter = 'events'
