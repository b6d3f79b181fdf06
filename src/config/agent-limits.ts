import { agentDefaults, type CompiledFleetOptions } from './compiled-fleet.ts'
import type { AgentLimits, AgentSpec } from './fleet-options.ts'
import { defaultConcurrentTurns } from './option-schema.ts'

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
