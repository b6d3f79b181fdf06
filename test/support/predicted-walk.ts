import fc, { type AsyncCommand } from 'fast-check'
import { initialTransition, transition } from 'xstate'
import type { Happening } from '../../src/testing/happenings.ts'
import type { LifecycleModel } from '../../src/testing/lifecycle-model.ts'
import type { Moment } from './lifecycle-coverage.ts'
import { step } from './lifecycle-driver.ts'
import { longMs, simulatedDriver } from './simulated-driver.ts'

/** Time in ms that is longer than any happening except `time passes`. */
const marginMs = 20_000

/** State of a walk in the model, and the time that its steps took since `time passes`. */
export interface Prediction {
  model: LifecycleModel
  moment: Moment
  elapsedMs: number
  steps: number
}

/** Returns the initial state of a walk, with the simulated server. */
export const walkOf = (model: LifecycleModel) => ({
  model: { model, moment: initialTransition(model)[0], elapsedMs: 0, steps: 0 },
  real: simulatedDriver(),
})

/** Happening that is possible in the model's state; the server must reach the state that the model predicts. */
class Step implements AsyncCommand<Prediction, ReturnType<typeof simulatedDriver>> {
  readonly #happening: Happening

  constructor(happening: Happening) {
    this.#happening = happening
  }

  check({ model, moment, elapsedMs }: Readonly<Prediction>): boolean {
    if (this.#happening !== 'time passes' && elapsedMs > longMs - marginMs) return false
    return model.states[moment.value]?.ownEvents.includes(this.#happening) === true
  }

  async run(prediction: Prediction, driver: ReturnType<typeof simulatedDriver>): Promise<void> {
    const { model, moment } = prediction
    const [after] = transition(model, moment, { type: this.#happening })
    const before = driver.now()
    await step(driver, moment, this.#happening, after)
    prediction.steps++
    prediction.moment = after
    prediction.elapsedMs =
      this.#happening === 'time passes' ? 0 : prediction.elapsedMs + driver.now() - before
  }

  toString(): string {
    return this.#happening
  }
}

/** Returns a command for each happening of the model. */
export const steps = (model: LifecycleModel) =>
  model.events.map((type) => fc.constant(new Step(type as Happening)))
