import { describe, expect, it } from 'vitest'
import { mermaid } from '../../src/cli/mermaid.ts'
import { serverMachine } from '../../src/machines/server-machine.ts'
import { createLifecycleModel, type LifecycleModelOptions } from '../../src/testing/lifecycle-model.ts'
import {
  alongStates,
  alongTransitions,
  declared,
  extentOf,
  noCoverage,
  summaryOf,
} from '../support/lifecycle-coverage.ts'
import { follow } from '../support/lifecycle-driver.ts'
import { simulatedDriver } from '../support/simulated-driver.ts'

const limits = { maxRestarts: 2, unhealthyThreshold: 2 }
const modelOf = (options: LifecycleModelOptions = {}) => createLifecycleModel({ ...limits, ...options })

describe('The declared transitions of the lifecycle', () => {
  it("equal the machine's transitions", () => {
    const arrows = [...mermaid(serverMachine.root, 1).matchAll(/(\w+) --> (\w+): /g)]
    const found = arrows.flatMap(([, from, to]) => (from === to ? [] : [`${from ?? ''} → ${to ?? ''}`]))
    expect([...new Set(found)].sort()).toEqual([...declared].sort())
  })
})

describe('The simulated lifecycle', { timeout: 120_000 }, () => {
  it('follows the model along the shortest paths to each transition', async () => {
    const model = modelOf({ hostFaults: true })
    const coverage = noCoverage()
    for (const path of alongTransitions(model).getShortestPaths())
      await follow(path, simulatedDriver(limits), coverage)
    console.info(`shortest paths: ${summaryOf(coverage, extentOf(model))}`)
    expect(coverage).toMatchObject(extentOf(model))
    expect([...coverage.lifecycle].sort()).toEqual([...declared].sort())
  })

  it('follows the model along all simple paths without turns', async () => {
    // Each of these events multiplies the number of paths by 3 to 100.
    const without = [
      'reconfigure',
      'time passes',
      'is late',
      'cannot be prepared',
      'cannot be spawned',
    ] as const
    const model = modelOf({ turns: false, maxRestarts: 1, without: [...without, 'start and stop'] })
    const coverage = noCoverage()
    for (const path of alongStates(model).getSimplePaths())
      await follow(path, simulatedDriver({ ...limits, maxRestarts: 1 }), coverage)
    console.info(`simple paths: ${summaryOf(coverage, extentOf(model))}`)
    expect(coverage.states).toEqual(extentOf(model).states)
  })
})
