import { onAbort } from '../../util/abort-signal.ts'

/** Turn that waits for a place. */
interface Waiter {
  readonly tenant: string
  readonly priority: number
  readonly enter: () => void
}

/**
 * Places of a host for running turns. A free place goes to the tenant with the fewest running turns; within the tenant,
 * to the turn with the highest priority, then to the oldest one.
 */
export class TurnGate {
  readonly #places: number
  readonly #running = new Map<string, number>()
  #waiters: Waiter[] = []
  #taken = 0

  /** @param places - number of places */
  constructor(places: number) {
    this.#places = places
  }

  /**
   * Waits for a place.
   *
   * @returns a function that gives the place back; `undefined` if the signal aborts first
   */
  enter(tenant: string, priority: number, signal: AbortSignal): Promise<(() => void) | undefined> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve(undefined)
      const stopListening = onAbort(signal, () => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter)
        resolve(undefined)
      })
      const waiter: Waiter = {
        tenant,
        priority,
        enter: () => {
          stopListening()
          resolve(this.#take(tenant))
        },
      }
      this.#waiters.push(waiter)
      this.#admit()
    })
  }

  #take(tenant: string): () => void {
    this.#count(tenant, 1)
    let isTaken = true
    return () => {
      if (!isTaken) return
      isTaken = false
      this.#count(tenant, -1)
      this.#admit()
    }
  }

  #admit(): void {
    while (this.#taken < this.#places && this.#waiters.length > 0) {
      const next = this.#waiters.reduce((best, other) => (this.#isBefore(other, best) ? other : best))
      this.#waiters = this.#waiters.filter((other) => other !== next)
      next.enter()
    }
  }

  #isBefore(one: Waiter, two: Waiter): boolean {
    const difference = this.#runningOf(one.tenant) - this.#runningOf(two.tenant)
    if (difference !== 0) return difference < 0
    return one.tenant === two.tenant && one.priority > two.priority
  }

  #count(tenant: string, by: 1 | -1): void {
    this.#taken += by
    const running = this.#runningOf(tenant) + by
    if (running === 0) this.#running.delete(tenant)
    else this.#running.set(tenant, running)
  }

  #runningOf(tenant: string): number {
    return this.#running.get(tenant) ?? 0
  }
}
