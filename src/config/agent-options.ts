import { namingAgent } from './agent-error.ts'
import { serverLayer } from './agent-layers.ts'
import { agentLimits } from './agent-limits.ts'
import { CompiledOptions } from './compiled-options.ts'
import { agentDefaults, homeOf, type CompiledFleetOptions } from './compiled-fleet.ts'
import type { AgentSpec, ResolvedAgent } from './fleet-options.ts'
import { resolvedSchema } from './fleet-schema.ts'
import { parse } from './validation.ts'

export { agentLimits, type ResolvedAgentLimits } from './agent-limits.ts'
export { changesServer, isSameAgent } from './same-agent.ts'

/**
 * Returns the options of an agent's server: the defaults of the fleet, under the spec, under what `resolve`
 * returned.
 *
 * @param before - Options of the agent's server until now. The revision is one higher, and the secrets of these
 * options stay masked.
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) that names the agent and the option
 */
export function compileAgent(
  fleet: CompiledFleetOptions,
  spec: AgentSpec,
  resolved: ResolvedAgent = {},
  before?: CompiledOptions,
): CompiledOptions {
  return namingAgent(spec.id, () => {
    // Only checked: the parsed value has defaults, which would override the spec.
    parse(resolvedSchema, resolved, 'resolved option')
    const layers = [agentDefaults(fleet), spec, resolved]
    const { logger } = fleet.values
    return CompiledOptions.from(
      { ...serverLayer(layers), home: homeOf(fleet, spec.id), ...(logger && { logger }) },
      before && { secrets: before.secrets, revision: before.revision + 1 },
      {
        id: spec.id,
        tenant: agentLimits(fleet, spec).tenant,
        metricAttributes: fleet.values.telemetry.metricAttributes,
      },
    )
  })
}
