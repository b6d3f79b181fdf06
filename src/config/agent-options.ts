import { namingAgent } from './agent-error.ts'
import { mergeLayers } from './agent-layers.ts'
import { CompiledOptions } from './compiled-options.ts'
import { agentDefaults, homeOf, type CompiledFleetOptions } from './compiled-fleet.ts'
import type { AgentLimits, AgentSpec, ResolvedAgent } from './fleet-options.ts'
import { resolvedSchema } from './fleet-schema.ts'
import { defaultConcurrentTurns } from './option-schema.ts'
import { parse } from './validation.ts'

/** Limits and tenant of an agent, with every default filled in. */
export interface ResolvedAgentLimits extends Required<AgentLimits> {
  tenant: string
}

/** Memory that a start reserves, in MiB, unless the spec says otherwise. */
const defaultMemoryMb = 600

/** Tenant of an agent whose spec names none. */
const defaultTenant = 'default'

/** Returns the tenant of an agent, and its limits in the fleet. */
export function agentLimits(fleet: CompiledFleetOptions, spec: AgentSpec): ResolvedAgentLimits {
  const defaults = agentDefaults(fleet)
  const turns = spec.maxConcurrentTurns ?? defaults.maxConcurrentTurns ?? defaultConcurrentTurns
  return {
    tenant: spec.tenant ?? defaultTenant,
    maxRunningTurns: spec.maxRunningTurns ?? defaults.maxRunningTurns ?? turns,
    maxQueuedTurns: spec.maxQueuedTurns ?? defaults.maxQueuedTurns ?? fleet.values.limits.maxQueuedTurns,
    memoryMb: spec.memoryMb ?? defaults.memoryMb ?? defaultMemoryMb,
  }
}

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
      { id: spec.id, tenant: agentLimits(fleet, spec).tenant },
    )
  })
}

/** Returns the merged options without the options that only the fleet knows. */
export function serverLayer(layers: readonly object[]): Record<string, unknown> {
  const {
    id: _id,
    tenant: _tenant,
    labels: _labels,
    maxRunningTurns: _running,
    maxQueuedTurns: _queued,
    memoryMb: _memory,
    ...options
  } = mergeLayers(layers)
  return options
}

/**
 * Returns the names of required options that neither the spec nor the defaults give; `resolve` may still give
 * them.
 */
export function missingOptions(fleet: CompiledFleetOptions, spec: AgentSpec): string[] {
  const { proxy = {}, models } = mergeLayers([agentDefaults(fleet), spec]) as Partial<AgentSpec>
  return [
    ...(proxy.baseURL === undefined ? ['proxy.baseURL'] : []),
    ...(proxy.apiKey === undefined ? ['proxy.apiKey'] : []),
    ...(models === undefined ? ['models'] : []),
  ]
}
