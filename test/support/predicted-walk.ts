import fc, { type AsyncCommand } from 'fast-check'
import { initialTransition, transition } from 'xstate'
import type { Happening } from '../../src/testing/happenings.ts'
import type { LifecycleModel } from '../../src/testing/lifecycle-model.ts'
import type { Moment } from './lifecycle-coverage.ts'
import { step } from './lifecycle-driver.ts'
import { longMs, simulatedDriver } from './simulated-driver.ts'

/** Longer than any happening takes, but for the passing of time. */
const marginMs = 20_000

/** Where a walk is in the model, and for how long time has passed by its steps alone. */
export interface Prediction {
  model: LifecycleModel
  moment: Moment
  elapsedMs: number
  steps: number
}

/** The beginning of a walk, and what walks. */
export const walkOf = (model: LifecycleModel) => ({
  model: { model, moment: initialTransition(model)[0], elapsedMs: 0, steps: 0 },
  real: simulatedDriver(),
})

/** Something that happens, where the model has it: it is held to where that leads. */
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

/** All that the model knows. */
export const steps = (model: LifecycleModel) =>
  model.events.map((type) => fc.constant(new Step(type as Happening)))
