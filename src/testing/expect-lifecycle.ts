import { AssertionError } from 'node:assert'
import type { Observable } from 'rxjs'
import { lifecycle$ } from '../api/lifecycle.ts'
import { lifecycleTransitions, type Lifecycle, type LifecycleState } from '../machines/lifecycle.ts'
import type { ServerActorRef } from '../machines/server-machine.ts'

/** Source of a lifecycle: a server, the actor of a `serverMachine`, or a `lifecycle$`. */
export type LifecycleSource = { lifecycle$: Observable<Lifecycle> } | ServerActorRef | Observable<Lifecycle>

/** Goal of {@link LifecycleExpectation.until}: a state, or a test of the lifecycle. */
export type LifecycleGoal = LifecycleState | ((lifecycle: Lifecycle) => boolean)

/**
 * Recorder of a server's lifecycle from the call of {@link expectLifecycle} on.
 * Each assertion throws an `AssertionError` of `node:assert` if the server took a transition that the
 * lifecycle does not declare.
 */
export class LifecycleExpectation {
  readonly #seen: Lifecycle[] = []
  readonly #watchers = new Set<() => void>()
  #isComplete = false

  /**
   * Subscribes to a lifecycle. Same as {@link expectLifecycle}.
   *
   * @param source - A server, the actor of a `serverMachine`, or a `lifecycle$`.
   */
  constructor(source: LifecycleSource) {
    observableOf(source).subscribe({
      next: (lifecycle) => {
        this.#seen.push(lifecycle)
        for (const watch of this.#watchers) watch()
      },
      complete: () => {
        this.#isComplete = true
        for (const watch of this.#watchers) watch()
      },
    })
  }

  /** States so far, in order, without consecutive repeats. */
  get states(): readonly LifecycleState[] {
    const all = this.#seen.map(({ state }) => state)
    return all.filter((state, i) => state !== all[i - 1])
  }

  /** All changes of the lifecycle so far. */
  get changes(): readonly Lifecycle[] {
    return [...this.#seen]
  }

  /**
   * Asserts the complete list of states so far, including the first.
   *
   * @param states - The expected states, without consecutive repeats.
   * @returns This recorder.
   * @throws AssertionError (of `node:assert`) if the states differ or a transition is not declared.
   */
  toPass(states: readonly LifecycleState[]): this {
    this.toBeDeclared()
    if (states.join() === this.states.join()) return this
    throw failure('The states of the server differ from the expected states', this.states, states)
  }

  /**
   * Asserts that every transition so far is declared in {@link lifecycleTransitions}.
   *
   * @returns This recorder.
   * @throws AssertionError (of `node:assert`) that names the first transition that is not declared.
   */
  toBeDeclared(): this {
    const { states } = this
    const i = states.findIndex((to, i) => i > 0 && !isDeclared(states[i - 1], to))
    if (i < 0) return this
    const from = states[i - 1] ?? 'idle'
    const declared = `${from} → ${lifecycleTransitions[from].join(' or ')}`
    const message = `The lifecycle declares no transition ${from} → ${states[i] ?? ''}, only ${declared}. States so far: ${states.join(' → ')}`
    throw new AssertionError({ message, actual: states })
  }

  /**
   * Waits for a state, or until a function of the lifecycle returns `true`. Resolves immediately if the goal
   * is already reached.
   *
   * @param goal - A state, or a function of the lifecycle.
   * @param options - Time limit `timeoutMs`, in ms of real time (default 10 000).
   * @returns This recorder.
   * @throws AssertionError (of `node:assert`) with the states so far, if the goal is not reached within
   * `timeoutMs` or if the lifecycle completes.
   */
  async until(goal: LifecycleGoal, { timeoutMs = 10_000 }: { timeoutMs?: number } = {}): Promise<this> {
    const isThere = (): boolean => {
      const last = this.#seen.at(-1)
      if (!last) return false
      return typeof goal === 'string' ? last.state === goal : goal(last)
    }
    const outcome = await this.#watch(isThere, timeoutMs)
    this.toBeDeclared()
    if (outcome === 'reached') return this
    const wanted = typeof goal === 'string' ? goal : 'the expected condition'
    const why =
      outcome === 'ended' ? `ended before ${wanted}` : `did not reach ${wanted} within ${timeoutMs} ms`
    const message = `The lifecycle ${why}. States so far: ${this.states.join(' → ') || 'none'}`
    throw new AssertionError({ message, actual: this.states.at(-1), expected: goal })
  }

  #watch(isThere: () => boolean, timeoutMs: number): Promise<'reached' | 'ended' | 'late'> {
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        clearTimeout(timer)
        this.#watchers.delete(watch)
        act()
      }
      const watch = (): void => {
        try {
          if (isThere()) settle(() => resolve('reached'))
          else if (this.#isComplete) settle(() => resolve('ended'))
        } catch (error) {
          settle(() => reject(error instanceof Error ? error : new Error(String(error))))
        }
      }
      const timer = setTimeout(() => settle(() => resolve('late')), timeoutMs)
      this.#watchers.add(watch)
      watch()
    })
  }
}

/**
 * Records the lifecycle of a server from now on. Works with any test runner.
 *
 * @param source - A server, the actor of a `serverMachine`, or a `lifecycle$`.
 * @returns The recorder, with the current state as its first.
 * @example
 * import { OpenCodeServer } from 'opencode-runtime'
 * import { expectLifecycle } from 'opencode-runtime/testing'
 *
 * await using server = new OpenCodeServer({
 *   home: '/srv/agents/a1',
 *   proxy: { baseURL: 'http://127.0.0.1:4000/v1', apiKey: process.env['AGENT_KEY'] ?? '' },
 *   models: ['gpt-4o'],
 * })
 * const lifecycle = expectLifecycle(server)
 * await server.ensureRunning()
 * await server.stop()
 * lifecycle.toPass(['idle', 'configuring', 'spawning', 'probing', 'healthy', 'reaping', 'idle'])
 *
 * @example
 * await server.ensureRunning()
 * if (server.pid !== undefined) process.kill(server.pid)
 * await lifecycle.until(({ state, restarts }) => state === 'healthy' && restarts === 1)
 */
export const expectLifecycle = (source: LifecycleSource): LifecycleExpectation =>
  new LifecycleExpectation(source)

function observableOf(source: LifecycleSource): Observable<Lifecycle> {
  if ('lifecycle$' in source) return source.lifecycle$
  return 'getSnapshot' in source ? lifecycle$(source) : source
}

const isDeclared = (from: LifecycleState = 'idle', to: LifecycleState): boolean =>
  (lifecycleTransitions[from] as readonly LifecycleState[]).includes(to)

/** Returns an error with the difference that `node:assert` reports. */
function failure(what: string, actual: unknown, expected: unknown): AssertionError {
  const { message } = new AssertionError({ actual, expected, operator: 'deepStrictEqual' })
  const difference = message.slice(message.indexOf('\n') + 1)
  return new AssertionError({ message: `${what}:\n${difference}`, actual, expected, operator: 'toPass' })
}
