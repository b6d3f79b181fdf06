import { agentDefaults, type CompiledFleetOptions } from './compiled-fleet.ts'
import type { AgentSpec } from './fleet-options.ts'
import { isPlain } from './frozen-copy.ts'
import { toolsByName } from './webhook-tool.ts'

/** Options of an agent from one source: the defaults of the fleet, the spec, or `resolve`. */
type Layer = Readonly<Record<string, unknown>>

/** Options that later layers change by field. */
const byField = new Set(['proxy', 'env', 'hostTools'])

/**
 * Returns the options of all layers together; a later layer overrides an earlier one. `proxy`, `env` and
 * `hostTools` are merged by field, `config` at every depth, because each layer gives a part of them. A list of
 * webhooks in `hostTools` counts as a record by name. Any other option is replaced as a whole, lists included.
 * `undefined` overrides nothing.
 */
export function mergeLayers(layers: readonly object[]): Record<string, unknown> {
  return layers.reduce<Record<string, unknown>>(
    (below, above) => over(below, above as Layer, mergeOption),
    {},
  )
}

type Merge = (below: unknown, above: unknown, name: string) => unknown

function over(below: Layer, above: Layer, merge: Merge): Record<string, unknown> {
  const given = Object.entries(above).filter(([, value]) => value !== undefined)
  const merged = given.map(([name, value]) => [
    name,
    Object.hasOwn(below, name) ? merge(below[name], value, name) : merge(undefined, value, name),
  ])
  return { ...below, ...(Object.fromEntries(merged) as Layer) }
}

function mergeOption(below: unknown, given: unknown, name: string): unknown {
  const above = name === 'hostTools' ? toolsByName(given) : given
  if (!isPlain(above)) return above
  if (name === 'config') return isPlain(below) ? mergeConfig(below, above) : above
  if (!byField.has(name)) return above
  const fields = name === 'proxy' ? withoutAlias(above) : above
  return over(isPlain(below) ? below : {}, fields, (_below, value) => value)
}

const mergeConfig = (below: Layer, above: Layer): Layer =>
  over(below, above, (inner, value) => (isPlain(inner) && isPlain(value) ? mergeConfig(inner, value) : value))

/** Returns a proxy's fields with the deprecated `providerID` renamed, so that layers override the same field. */
function withoutAlias({ providerID, ...rest }: Layer): Layer {
  return providerID === undefined ? rest : { ...rest, providerId: providerID }
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
