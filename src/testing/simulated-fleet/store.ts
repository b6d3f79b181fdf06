import { fromCallback, type EventObject } from 'xstate'
import { fleetRuntimeOf, type FleetInput } from '../../actors/fleet/fleet-runtime.ts'
import { agentLimits } from '../../config/agent-options.ts'
import type { AgentSpec } from '../../config/fleet-options.ts'

/** Returns a store actor that keeps the agents in memory, in the given map. */
export const memoryStore = (kept: Map<string, AgentSpec>) =>
  fromCallback<EventObject, FleetInput>(({ input, sendBack }) => {
    const runtime = fleetRuntimeOf(input.runtime)
    runtime.opening = Promise.resolve().then(() => {
      runtime.store = {
        change: ({ put = [], remove = [] }) => {
          for (const spec of put) kept.set(spec.id, spec)
          for (const id of remove) kept.delete(id)
          return Promise.resolve({ done: [...put.map(({ id }) => id), ...remove] })
        },
        writeStatus: () => undefined,
        close: () => Promise.resolve(),
      }
      for (const [id, spec] of kept) runtime.specs.set(id, spec)
      const agents = [...kept.values()].map((spec) => ({
        id: spec.id,
        ...agentLimits(runtime.options, spec),
      }))
      sendBack({ type: 'store.opened', agents })
    })
  })
