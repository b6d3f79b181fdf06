import { onAbort } from '../../util/abort-signal.ts'

/** Turn that waits for a place. */
interface Waiter {
  readonly tenant: string
  readonly priority: number
  readonly enter: () => void
}

/** Limits of tenants beyond the places of the host. */
export interface TenantLimits {
  /** Called when a turn of some tenant may start. */
  onPlaces: () => void
  /** Returns whether one turn more of a tenant may run on this host. */
  mayStart(tenant: string): boolean
  /** Notes the numbers of turns of a tenant that run, and that wait. */
  note(tenant: string, running: number, waiting: number): void
}

/**
 * Places of a host for running turns. A free place goes to the tenant with the fewest running turns; within the tenant,
 * to the turn with the highest priority, then to the oldest one. A tenant at its limit waits without a place.
 */
export class TurnGate {
  readonly #places: number
  readonly #limits: TenantLimits
  readonly #running = new Map<string, number>()
  #waiters: Waiter[] = []
  #taken = 0

  /** @param places - number of places */
  constructor(places: number, limits: TenantLimits = unlimited) {
    this.#places = places
    this.#limits = limits
    limits.onPlaces = () => this.#admit()
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
        this.#tell(tenant)
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
      this.#tell(tenant)
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
    while (this.#taken < this.#places) {
      const able = this.#waiters.filter(({ tenant }) => this.#limits.mayStart(tenant))
      if (able.length === 0) return
      const next = able.reduce((best, other) => (this.#isBefore(other, best) ? other : best))
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
    this.#tell(tenant)
  }

  #tell(tenant: string): void {
    const waiting = this.#waiters.filter((other) => other.tenant === tenant).length
    this.#limits.note(tenant, this.#runningOf(tenant), waiting)
  }

  #runningOf(tenant: string): number {
    return this.#running.get(tenant) ?? 0
  }
}

const unlimited: TenantLimits = {
  onPlaces: () => undefined,
  mayStart: () => true,
  note: () => undefined,
}
