import type { AgentName, CompiledOptions } from '../../config/compiled-options.ts'
import type { FleetActorRef } from '../../machines/fleet/fleet-machine.ts'
import type { ServerActorRef } from '../../machines/server-machine.ts'

/**
 * Returns the agent of a fleet to which a server belongs, and its present tenant; `undefined` for a server without a
 * fleet. The fleet is asked, because a change of the tenant alone does not restart a server.
 */
export function agentNameOf(
  { values: { agent } }: CompiledOptions,
  server: ServerActorRef | undefined,
): AgentName | undefined {
  if (!agent) return undefined
  const fleet = server?._parent as FleetActorRef | undefined
  const tenant = fleet?.getSnapshot().context.agents.get(agent.id)?.tenant
  return tenant === undefined ? agent : { ...agent, tenant }
}
