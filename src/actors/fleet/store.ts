import { fromCallback, type EventObject } from 'xstate'
import { agentLimits } from '../../config/agent-options.ts'
import type { ResolvedAgentLimits } from '../../config/agent-options.ts'
import { asRuntimeError, type OpenCodeRuntimeError } from '../../errors.ts'
import { openFleetStore } from '../../io/fleet/fleet-store.ts'
import { fleetRuntimeOf, type FleetInput, type FleetRuntime } from './fleet-runtime.ts'

/** Events that the store sends to its machine, once. */
type StoreFact =
  | { type: 'store.opened'; agents: readonly ({ id: string } & ResolvedAgentLimits)[] }
  | { type: 'store.failed'; error: OpenCodeRuntimeError }

/**
 * Opens the records of a fleet's agents and holds their lock, until the machine is stopped. The specs stay beside the
 * machine, because they may hold secrets.
 */
export const store = fromCallback<EventObject, FleetInput>(({ input, sendBack }) => {
  const runtime = fleetRuntimeOf(input.runtime)
  let isStopped = false
  const report = (fact: StoreFact): void => {
    if (!isStopped) sendBack(fact)
  }
  const opened = open(runtime).then(report, (error: unknown) =>
    report({
      type: 'store.failed',
      error: asRuntimeError(error, 'The records of the fleet could not be read'),
    }),
  )
  return () => {
    isStopped = true
    runtime.changing = opened.then(() => runtime.changing).then(() => runtime.store?.close())
  }
})

async function open(runtime: FleetRuntime): Promise<StoreFact> {
  const { options } = runtime
  runtime.store = await openFleetStore(options)
  for (const spec of runtime.store.specs) runtime.specs.set(spec.id, spec)
  const agents = [...runtime.specs.values()].map((spec) => ({ id: spec.id, ...agentLimits(options, spec) }))
  return { type: 'store.opened', agents }
}
