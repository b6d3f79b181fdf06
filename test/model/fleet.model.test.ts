import { describe, expect, it } from 'vitest'
import { initialTransition, transition } from 'xstate'
import { createTestModel } from 'xstate/graph'
import { createFleetModel, fleetStepsOf, possibleFleetEvents } from '../../src/testing/fleet-model.ts'
import { Dice } from '../../src/testing/simulated-fleet/dice.ts'
import { FleetDriver } from '../support/fleet-driver.ts'

const { FLEET_SEED, FLEET_ALL } = process.env
/** All happenings take some minutes; the random walks have them all anyway. */
const without = FLEET_ALL === undefined ? (['change', 'cancel', 'stop'] as const) : []
const seed = FLEET_SEED === undefined ? Math.trunc(Math.random() * 2 ** 31) : Number(FLEET_SEED)

describe('A simulated fleet', { timeout: FLEET_ALL === undefined ? 120_000 : 900_000 }, () => {
  it('goes where the model does, along each transition of two agents with one place', async () => {
    const agents = ['a1', 'a2']
    const model = createTestModel(createFleetModel({ agents, without }), {
      serializeTransition: (_state, event, previous) =>
        event && previous?.can(event) === true ? `${event.type} in ${JSON.stringify(previous.context)}` : '',
    })
    const paths = model.getShortestPaths()
    let steps = 0
    for (const path of paths) {
      const driver = new FleetDriver(agents, 1)
      const done: string[] = []
      for (const { type, state } of fleetStepsOf(path)) {
        done.push(type)
        await driver.step(type, state).catch((error: unknown) => fail(done, error))
        steps++
      }
      await driver.finish()
    }
    console.info(`fleet model: ${paths.length} paths, ${steps} steps`)
    expect(paths.length).toBeGreaterThan(100)
  })

  it.each([
    [3, 2, 1],
    [5, 2, 2],
    [6, 4, 1],
  ])(
    'goes where the model does, on a random walk of %i agents in %i places, %i starting',
    async (size, maxServers, maxStarting) => {
      const agents = Array.from({ length: size }, (_, i) => `a${i + 1}`)
      const model = createFleetModel({ agents, maxServers, maxStarting })
      const driver = new FleetDriver(agents, maxServers, maxStarting)
      const dice = new Dice(seed)
      let [state] = initialTransition(model)
      const done: string[] = [`FLEET_SEED=${seed}`]
      for (let i = 0; i < 300; i++) {
        const event = dice.any(possibleFleetEvents(state)) ?? { type: 'cools down' }
        ;[state] = transition(model, state, event)
        done.push(event.type)
        await driver.step(event.type, state).catch((error: unknown) => fail(done, error))
      }
      await driver.finish()
    },
  )
})

function fail(done: readonly string[], error: unknown): never {
  throw new Error(`After ${done.slice(-14).join(', ')}: ${String(error)}`, { cause: error })
}
