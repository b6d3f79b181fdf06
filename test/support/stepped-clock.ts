import { SimulatedClock } from 'xstate'

/** All promises that can settle without time or the outside have settled. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** XState's simulated clock, which fires timers one moment after another as real time would, promises in between. */
export class SteppedClock extends SimulatedClock {
  readonly #due = new Map<number, number>()

  override setTimeout(fn: () => void, ms: number): number {
    // Whole milliseconds, as real timers have.
    const whole = Math.round(ms)
    const id = super.setTimeout(() => {
      this.#due.delete(id)
      fn()
    }, whole)
    this.#due.set(id, this.now() + whole)
    return id
  }

  override clearTimeout(id: number): void {
    this.#due.delete(id)
    super.clearTimeout(id)
  }

  /** Timers that have not fired. */
  get pending(): number {
    return this.#due.size
  }

  /** Lets time pass. `advance()` fires only what is due now. */
  async advance(ms = 0): Promise<void> {
    const end = this.now() + ms
    await settled()
    for (let next = this.#next(); next <= end; next = this.#next()) {
      this.set(Math.max(next, this.now()))
      await settled()
    }
    this.set(end)
    await settled()
  }

  #next(): number {
    return Math.min(...this.#due.values())
  }
}
