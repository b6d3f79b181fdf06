import { expect } from 'vitest'
import { createLifecycleModel } from '../../src/testing/lifecycle-model.ts'
import { coveringSet, type Covering } from './covering-set.ts'
import { extentOf, noCoverage, summaryOf } from './lifecycle-coverage.ts'
import { follow } from './lifecycle-driver.ts'
import { processDriver, type ProcessSetting } from './process-driver.ts'

const limits = { maxRestarts: 2, unhealthyThreshold: 2 }

/** Drives processes along a covering set of the whole model, prints the coverage, and expects full coverage of every goal. */
export async function coverOnProcesses(
  what: string,
  setting: ProcessSetting,
  covering: Covering,
): Promise<void> {
  const model = createLifecycleModel({ ...limits, hostFaults: true })
  const [coverage, extent] = [noCoverage(), extentOf(model)]
  for (const path of await coveringSet(model, covering))
    await follow(path, processDriver(setting, limits), coverage)
  console.info(`${what}: ${summaryOf(coverage, extent)}`)
  for (const goal of covering.goals)
    expect([...coverage[goal]].sort(), goal).toEqual([...extent[goal]].sort())
}
