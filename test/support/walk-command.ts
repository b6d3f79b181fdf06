import type { AsyncCommand } from 'fast-check'

/** Command of a random walk that is always possible. */
export abstract class WalkCommand<Walk extends object, Act> implements AsyncCommand<object, Walk> {
  readonly #name: string
  readonly #act: Act

  /** @param name - name of the command in a counterexample */
  constructor(name: string, act: Act) {
    this.#name = name
    this.#act = act
  }

  check(): boolean {
    return true
  }

  run(_model: object, walk: Walk): Promise<void> {
    return this.perform(this.#act, walk)
  }

  /** Acts, and checks the walk afterwards. */
  protected abstract perform(act: Act, walk: Walk): Promise<void>

  toString(): string {
    return this.#name
  }
}
