import { setImmediate as tick } from 'node:timers/promises'
import { SimulatedClock } from 'xstate'

/**
 * Resolves when all promises have settled that need neither time nor the outside.
 *
 * @internal
 */
export const settled = (): Promise<void> => tick()

/** Clock of {@link virtualTime}. */
export class VirtualTime extends SimulatedClock {
  readonly #due = new Map<number, number>()

  /**
   * Schedules `fn` for the moment that `advance` reaches. Called by an actor's system. Rounds to whole ms, as
   * real timers do.
   *
   * @param fn - The function to call.
   * @param ms - Delay, in ms.
   * @returns The id of the timer, for `clearTimeout`.
   */
  override setTimeout(fn: () => void, ms: number): number {
    const whole = Math.round(ms)
    const id = super.setTimeout(() => {
      this.#due.delete(id)
      fn()
    }, whole)
    this.#due.set(id, this.now() + whole)
    return id
  }

  /**
   * Removes a timer. Called by an actor's system.
   *
   * @param id - The id that `setTimeout` returned.
   */
  override clearTimeout(id: number): void {
    this.#due.delete(id)
    super.clearTimeout(id)
  }

  /** Number of timers that have not fired. */
  get pending(): number {
    return this.#due.size
  }

  /**
   * Advances the clock by a number of ms.
   * Timers fire one moment after another. Before the next timer fires, the promises settled by the last one
   * run on, and timers that they set are included. `advance()` fires only timers that are due now. Between
   * timers, `settle` waits for real work, such as a process's answer; `settle` may itself advance the time.
   *
   * @param ms - Time to pass, in ms (default 0).
   * @param settle - Waits for the work between two timers (default: for promises that need nothing else).
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
 * Returns a clock for `createActor(…, { clock })` that moves only on `advance`.
 * A server machine and its turns take all timing from the system's clock, so a minute of restarts passes in a
 * moment. Real things, such as a process or a socket, keep real time: provide fake actors instead, or let
 * `advance` wait.
 *
 * @returns The clock, at 0 ms.
 * @example
 * import { compileOptions, lifecycleOf, serverMachine } from 'opencode-runtime'
 * import type { Prepared, ServerInput } from 'opencode-runtime'
 * import { virtualTime } from 'opencode-runtime/testing'
 * import { createActor, fromPromise } from 'xstate'
 *
 * const options = compileOptions({
 *   home: '/srv/agents/a1',
 *   proxy: { baseURL: 'http://127.0.0.1:4000/v1', apiKey: process.env['AGENT_KEY'] ?? '' },
 *   models: ['gpt-4o'],
 * })
 * const prepare = fromPromise<Prepared, ServerInput>(() => Promise.reject(new Error('no binary')))
 * const time = virtualTime()
 * const machine = serverMachine.provide({ actors: { prepare } })
 * const actor = createActor(machine, { input: options, clock: time }).start()
 * actor.send({ type: 'server.start' })
 * await time.advance(60_000)
 * console.log(lifecycleOf(actor.getSnapshot()).state) // 'failed'
 */
export const virtualTime = (): VirtualTime => new VirtualTime()
