import { fromCallback, type EventObject } from 'xstate'
import { agentLimits, type ResolvedAgentLimits } from '../../config/agent-options.ts'
import { asRuntimeError, type OpenCodeRuntimeError } from '../../errors.ts'
import { loadModule } from '../../io/host/load-module.ts'
import { clockOf, type SystemClock } from '../clock.ts'
import { fleetRuntimeOf, type FleetInput, type FleetRuntime } from './fleet-runtime.ts'

/** Events that the store sends to its machine, once. */
type StoreFact =
  | { type: 'store.opened'; agents: readonly ({ id: string } & ResolvedAgentLimits)[] }
  | { type: 'store.failed'; error: OpenCodeRuntimeError }

/**
 * Opens the records of a fleet's agents and holds their lock, until the machine is stopped. The specs stay beside the
 * machine, because they may hold secrets.
 */
export const store = fromCallback<EventObject, FleetInput>(({ input, sendBack, system }) => {
  const runtime = fleetRuntimeOf(input.runtime)
  let isStopped = false
  const report = (fact: StoreFact): void => {
    if (!isStopped) sendBack(fact)
  }
  runtime.opening = open(runtime, clockOf(system)).then(report, (error: unknown) =>
    report({ type: 'store.failed', error: asRuntimeError(error, 'The fleet could not be opened') }),
  )
  return () => {
    isStopped = true
    runtime.closing = runtime.opening.then(() => runtime.store?.close())
  }
})

/** Loads the store, which only fleets need. */
const loadStore = () => loadModule('./fleet-store.js', () => import('../../io/fleet/fleet-store.ts'))

async function open(runtime: FleetRuntime, clock: SystemClock): Promise<StoreFact> {
  const { options } = runtime
  const { openFleetStore } = await loadStore()
  const { store: opened, specs, faults } = await openFleetStore(options, clock, (text) => runtime.warn(text))
  runtime.store = opened
  for (const spec of specs) runtime.specs.set(spec.id, spec)
  for (const { id, error } of faults) {
    runtime.faults.set(id, error)
    runtime.warn(error.message)
  }
  const agents = specs.map((spec) => ({ id: spec.id, ...agentLimits(options, spec) }))
  return { type: 'store.opened', agents }
}
