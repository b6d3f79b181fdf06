/** Event, encoded once for all its readers. */
export interface RingEntry {
  id: number
  agentId: string
  tenant: string
  frame: string
}

/** Last events of a fleet, bounded in number and in size. A reader holds a number, and no event. */
export class EventRing {
  readonly #most: { events: number; size: number }
  #entries: RingEntry[] = []
  /** Place of the oldest event in the list; the places before are free. */
  #start = 0
  #size = 0
  readonly #waiting = new Set<() => void>()

  /** @param most - number of events, and their characters in all */
  constructor(most = { events: 10_000, size: 16_777_216 }) {
    this.#most = most
  }

  /** Id of the oldest event; `undefined` without an event. */
  get oldest(): number | undefined {
    return this.#entries[this.#start]?.id
  }

  /** Adds an event, and wakes the readers. */
  push(entry: RingEntry): void {
    this.#entries.push(entry)
    this.#size += entry.frame.length
    while (this.#isOver) this.#size -= this.#entries[this.#start++]?.frame.length ?? 0
    if (this.#start > this.#entries.length / 2) {
      this.#entries = this.#entries.slice(this.#start)
      this.#start = 0
    }
    this.wake()
  }

  /** Wakes the readers. */
  wake(): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const wake of waiting) wake()
  }

  /** Returns the events after an id, at most some. */
  after(id: number, most: number): readonly RingEntry[] {
    let [low, high] = [this.#start, this.#entries.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#entries[middle]?.id ?? Infinity) > id) high = middle
      else low = middle + 1
    }
    return this.#entries.slice(low, low + most)
  }

  /** Returns the last events of an agent, at most some; the oldest first. */
  ofAgent({ id, tenant }: { id: string; tenant: string }, most: number): readonly RingEntry[] {
    const found: RingEntry[] = []
    for (let at = this.#entries.length - 1; at >= this.#start && found.length < most; at--) {
      const entry = this.#entries[at]
      if (entry?.agentId === id && entry.tenant === tenant) found.push(entry)
    }
    return found.reverse()
  }

  /** Waits for the next event. Returns a function that ends the wait. */
  wait(wake: () => void): () => void {
    this.#waiting.add(wake)
    return () => this.#waiting.delete(wake)
  }

  get #isOver(): boolean {
    const count = this.#entries.length - this.#start
    return count > 1 && (count > this.#most.events || this.#size > this.#most.size)
  }
}
