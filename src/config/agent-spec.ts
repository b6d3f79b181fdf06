import { InvalidOptionsError } from '../errors.ts'
import { agentLabel, namingAgent } from './agent-error.ts'
import { missingOptions } from './agent-layers.ts'
import { hasKeySource, hasResolve, type CompiledFleetOptions } from './compiled-fleet.ts'
import type { AgentSpec } from './fleet-options.ts'
import { agentIdPattern, agentSchema } from './fleet-schema.ts'
import { isPlain } from './frozen-copy.ts'
import { jsonCopy } from './json-copy.ts'
import { refuseOptions, refusedInSpec } from './refused-options.ts'
import { parse } from './validation.ts'

/** Maximum number of specs whose errors one message names. */
const mostErrors = 5

/** Returns whether a value can be the id of an agent or the name of a tenant. */
export const isAgentId = (value: unknown): value is string =>
  typeof value === 'string' && agentIdPattern.test(value)

/**
 * Validates the spec of an agent and returns a deeply frozen copy, which JSON represents exactly. Defaults are not
 * filled in, so that a change of the fleet's defaults reaches all agents.
 *
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) that names the agent and the option
 */
export function validateSpec(fleet: CompiledFleetOptions, spec: unknown): AgentSpec {
  const { id } = isPlain(spec) ? spec : {}
  return namingAgent(id, () => {
    if (!isPlain(spec)) throw new InvalidOptionsError('Invalid spec: expected an object with an id')
    // A list declares webhooks, which JSON can represent.
    const { hostTools, ...options } = spec
    refuseOptions(Array.isArray(hostTools) ? options : spec, refusedInSpec, 'a spec')
    const copy = jsonCopy(spec)
    parse(agentSchema, copy, 'option')
    const checked = copy as AgentSpec
    requireOptions(fleet, checked)
    return checked
  })
}

/**
 * Validates specs of different agents, as {@link validateSpec} does for each.
 *
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) that names each bad agent and its option
 */
export function validateSpecs(fleet: CompiledFleetOptions, specs: unknown): AgentSpec[] {
  if (!Array.isArray(specs)) throw new InvalidOptionsError('Invalid specs: expected a list of specs')
  const ids = new Set<string>()
  const errors: string[] = []
  const checked = specs.flatMap((spec: unknown, index) => {
    try {
      const valid = validateSpec(fleet, spec)
      if (ids.has(valid.id))
        throw new InvalidOptionsError(`${agentLabel(valid.id)}: expected each id only once in a call`)
      ids.add(valid.id)
      return [valid]
    } catch (error) {
      if (!(error instanceof InvalidOptionsError)) throw error
      errors.push(
        `${error.message}${isPlain(spec) && typeof spec['id'] === 'string' ? '' : ` (at index ${index})`}`,
      )
      return []
    }
  })
  if (errors.length > 0) throw new InvalidOptionsError(listErrors(errors))
  return checked
}

function listErrors(errors: readonly string[]): string {
  const more = errors.length - mostErrors
  const shown = errors.slice(0, mostErrors).join('; ')
  return more > 0 ? `${shown}; and ${more} more specs with errors` : shown
}

/** Refuses a spec with missing options, unless `resolve` or the source of keys may give them. */
function requireOptions(fleet: CompiledFleetOptions, spec: AgentSpec): void {
  const absent = hasResolve(fleet) ? [] : missingOptions(fleet, spec)
  const missing = hasKeySource(fleet) ? absent.filter((name) => name !== 'proxy.apiKey') : absent
  if (missing.length === 0) return
  const names = missing.map((name) => `\`${name}\``).join(', ')
  const [what, it] = missing.length === 1 ? [`Option ${names} is`, 'it'] : [`Options ${names} are`, 'them']
  throw new InvalidOptionsError(
    `${what} required: give ${it} in the spec, in the fleet's defaults, or by resolve`,
  )
}
