import { isDeepStrictEqual } from 'node:util'
import type { z } from 'zod'
import { mergeLayers, missingOptions, serverLayer } from './agent-layers.ts'
import { agentLimits } from './agent-limits.ts'
import { agentDefaults, homeOf, type CompiledFleetOptions } from './compiled-fleet.ts'
import type { AgentSpec } from './fleet-options.ts'
import { serverSchema } from './option-schema.ts'
import { workspaceOf } from './workspace.ts'

/**
 * Returns whether two valid specs of an agent have the same effect: equal options with all defaults filled in,
 * and equal limits, tenant and labels. The order of keys does not matter.
 */
export function isSameAgent(fleet: CompiledFleetOptions, a: AgentSpec, b: AgentSpec): boolean {
  if (isDeepStrictEqual(a, b)) return true
  return (
    a.id === b.id &&
    isDeepStrictEqual(a.labels ?? {}, b.labels ?? {}) &&
    isDeepStrictEqual(agentLimits(fleet, a), agentLimits(fleet, b)) &&
    !changesServer(fleet, a, b)
  )
}

/**
 * Returns whether the options of the agent's server differ between two valid specs, so that a running server
 * has to be changed. The tenant, the labels and the limits in the fleet are no options of the server.
 */
export function changesServer(fleet: CompiledFleetOptions, a: AgentSpec, b: AgentSpec): boolean {
  const [one, other] = [mergedOptions(fleet, a), mergedOptions(fleet, b)]
  const names = new Set([...Object.keys(one), ...Object.keys(other)])
  // Only options that differ as given are parsed, because one call may change thousands of agents.
  return [...names].some(
    (name) =>
      !isDeepStrictEqual(one[name], other[name]) &&
      !isDeepStrictEqual(effective(name, one), effective(name, other)),
  )
}

/** Returns the options of an agent's server as given, as far as they are known without `resolve`. */
function mergedOptions(fleet: CompiledFleetOptions, spec: AgentSpec): Record<string, unknown> {
  const given = serverLayer([agentDefaults(fleet), spec])
  return {
    ...mergeLayers([placeholders, given]),
    home: homeOf(fleet, spec.id),
    missing: missingOptions(fleet, spec),
  }
}

/** Valid values for required options that only `resolve` knows. */
const placeholders = {
  proxy: { baseURL: 'http://127.0.0.1', apiKey: 'resolved-later' },
  models: ['resolved-later'],
}

/** Returns the value of an option with its default filled in, also a default that another option determines. */
function effective(name: string, options: Readonly<Record<string, unknown>>): unknown {
  // Webhooks have their defaults already, and the schema of a server knows functions only.
  if (name === 'hostTools') return options[name] ?? {}
  const { data: value } = schemaOf(name)?.safeParse(options[name]) ?? { data: options[name] }
  if (name === 'directory') return value ?? workspaceOf(String(options['home']))
  if (name === 'drainMs') return value ?? effective('turnDeadlineMs', options)
  return value
}

function schemaOf(name: string): z.ZodType | undefined {
  const schemas: Record<string, z.ZodType> = serverSchema().shape
  return schemas[name]
}
