import type { AccessClock } from './access-clock.ts'
import type { Caller } from './caller.ts'

/** Interval between two checks of the followed callers, in ms. */
const intervalMs = 1_000

/** Following of a caller's right. */
export interface Following {
  /** Aborts when the caller has lost the right. */
  signal: AbortSignal
  /** Ends the following. The signal does not abort afterwards. */
  stop: () => void
}

/** Callers whose streams are open. They are checked once a second, and only while there are any. */
export class Followers {
  readonly #clock: AccessClock
  readonly #isValid: (caller: Caller) => boolean
  readonly #open = new Map<AbortController, Caller>()
  #timer: unknown

  constructor(clock: AccessClock, isValid: (caller: Caller) => boolean) {
    this.#clock = clock
    this.#isValid = isValid
  }

  /** Adds a caller. */
  add(caller: Caller): Following {
    const controller = new AbortController()
    this.#open.set(controller, caller)
    this.#timer ??= this.#clock.setTimeout(this.#tick, intervalMs)
    return { signal: controller.signal, stop: () => this.#remove(controller) }
  }

  /** Aborts the signals of the callers that have lost their right. */
  check(): void {
    const answers = new Map<Caller, boolean>()
    for (const [controller, caller] of this.#open) {
      const isValid = answers.get(caller) ?? this.#isValid(caller)
      answers.set(caller, isValid)
      if (isValid) continue
      this.#remove(controller)
      controller.abort()
    }
  }

  /** Removes all callers. */
  close(): void {
    for (const controller of [...this.#open.keys()]) this.#remove(controller)
  }

  readonly #tick = (): void => {
    this.#timer = undefined
    this.check()
    if (this.#open.size > 0) this.#timer ??= this.#clock.setTimeout(this.#tick, intervalMs)
  }

  #remove(controller: AbortController): void {
    this.#open.delete(controller)
    if (this.#open.size > 0 || this.#timer === undefined) return
    this.#clock.clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
