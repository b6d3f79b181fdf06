import { setImmediate as tick } from 'node:timers/promises'
import { SimulatedClock } from 'xstate'

/** Resolves once all promises have settled that can without time or the outside. */
export const settled = (): Promise<void> => tick()

/** See {@link virtualTime}. */
export class VirtualTime extends SimulatedClock {
  readonly #due = new Map<number, number>()

  /** What an actor's system calls: `fn` runs once `advance` has come to its moment. In whole ms, as real timers are. */
  override setTimeout(fn: () => void, ms: number): number {
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

  /** How many timers have not fired. */
  get pending(): number {
    return this.#due.size
  }

  /**
   * Lets so many ms pass. Timers fire one moment after another, and whatever promises they settle goes on before the next
   * one does, timers that it sets included. `advance()` fires only what is due now. What is real, such as the answer of a
   * process, is waited for in between by `settle`, which may let time pass itself.
   */
  async advance(ms = 0, settle: () => Promise<void> = settled): Promise<void> {
    const end = this.now() + ms
    await settle()
    for (let next = this.#next(); next <= end; next = this.#next()) {
      this.set(Math.max(next, this.now()))
      await settle()
    }
    this.set(Math.max(end, this.now()))
    await settle()
  }

  #next(): number {
    return Math.min(...this.#due.values())
  }
}

/**
 * A clock for `createActor(…, { clock })` that stands still until it is told to move. All timing of a server machine and
 * its turns goes through its system's clock, so that a minute of restarts takes a moment. What is real, such as a process
 * or a socket, keeps its own time: provide actors of your own instead, or have `advance` wait for it.
 *
 * @example
 * const time = virtualTime()
 * const machine = serverMachine.provide({ actors: { prepare, serverProcess, probe } })
 * const actor = createActor(machine, { input: compileOptions(options), clock: time }).start()
 * actor.send({ type: 'server.start' })
 * await time.advance(60_000)
 */
export const virtualTime = (): VirtualTime => new VirtualTime()
