import { fleetRuntimeOf } from '../../actors/fleet/fleet-runtime.ts'
import { mergeLayers } from '../../config/agent-layers.ts'
import { agentLimits } from '../../config/agent-limits.ts'
import { agentDefaults, homeOf } from '../../config/compiled-fleet.ts'
import type { AgentSpec } from '../../config/fleet-options.ts'
import { workspaceOf } from '../../config/workspace.ts'
import type { Fleet } from './fleet.ts'

/** Facts about an agent that need no server. */
export interface AgentFacts {
  id: string
  tenant: string
  /** Id of the first model; `undefined` if only the fleet's `resolve` knows the models. */
  model: string | undefined
  /** Directory in which the agent works. */
  directory: string
}

/** Returns what is known of an agent of a fleet; `undefined` for an unknown agent. */
export function agentFacts(fleet: Fleet, id: string): AgentFacts | undefined {
  const { options, specs } = fleetRuntimeOf(fleet.actor.getSnapshot().context.runtime)
  const spec = specs.get(id)
  if (!spec) return undefined
  const { models, directory } = mergeLayers([agentDefaults(options), spec]) as Partial<AgentSpec>
  const [first] = models ?? []
  return {
    id,
    tenant: agentLimits(options, spec).tenant,
    model: typeof first === 'object' ? first.id : first,
    directory: directory ?? workspaceOf(homeOf(options, id)),
  }
}
