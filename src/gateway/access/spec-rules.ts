import { isDeepStrictEqual } from 'node:util'
import type { AgentSpec } from '../../config/fleet-options.ts'
import { isUnscoped, sees, type Caller } from './caller.ts'
import { forbidden, missingScope } from './problems.ts'
import { requireApproval } from './turn-rules.ts'

/**
 * Fields of a spec that decide what runs on the host, as which user, in which directory, and with which environment.
 * Only an admin of all agents may give them.
 */
export const hostFields = [
  'binary',
  'env',
  'config',
  'directory',
  'trustProjectConfig',
  'uid',
  'gid',
  'hostTools',
] as const

/** Names of these fields on the wire. */
const wireNames: Readonly<Record<string, string>> = {
  trustProjectConfig: 'trust_project_config',
  hostTools: 'host_tools',
}

/** Spec as a request gives it: `null` removes a field, where a request changes single fields. */
type GivenSpec = Readonly<Record<string, unknown>>

/**
 * Returns the spec that a caller may declare in the place of another. For an admin of some agents, the fields of
 * the host stay as they are: the caller cannot read all of them, so that a spec without them must not remove them.
 *
 * @param given - the whole spec that the caller gives
 * @param existing - the spec that the fleet has; `undefined` for a new agent
 * @throws ProblemError 403 that names a field which the caller may not give
 */
export function declarable(caller: Caller, given: AgentSpec, existing: AgentSpec | undefined): AgentSpec {
  requireDeclarable(caller, given as unknown as GivenSpec, existing)
  if (isUnscoped(caller) || !existing) return given
  const kept = hostFields.filter((name) => Object.hasOwn(existing, name))
  const fields = Object.fromEntries(kept.map((name) => [name, existing[name as keyof AgentSpec]]))
  return { ...given, ...fields, ...(existing.tenant !== undefined && { tenant: existing.tenant }) }
}

/**
 * Checks the fields that a caller gives of a spec, as a whole or as changes of single fields.
 *
 * @throws ProblemError 403 that names a field which the caller may not give
 */
export function requireDeclarable(
  caller: Caller,
  given: GivenSpec,
  existing: AgentSpec | undefined,
  whose = existing?.id ?? String(given['id']),
): void {
  if (!caller.scopes.has('admin')) throw missingScope('admin')
  requireApproval(caller, given['onPermission'])
  if (isUnscoped(caller)) return
  const before = (existing ?? {}) as GivenSpec
  for (const name of hostFields) {
    const isGiven = given[name] !== undefined && !(given[name] === null && before[name] === undefined)
    if (isGiven && !isDeepStrictEqual(given[name], before[name]))
      throw forbidden(
        `The field ${wireNames[name] ?? name} decides what runs on the host: use a token of scope admin for all agents`,
        wireNames[name] ?? name,
      )
  }
  requireTenant(caller, given, existing, whose)
}

/** Refuses a change of an agent's tenant, and a new agent that the caller could not see. */
function requireTenant(caller: Caller, given: GivenSpec, existing: AgentSpec | undefined, id: string): void {
  const before = existing && (existing.tenant ?? defaultTenant)
  const after = typeof given['tenant'] === 'string' ? given['tenant'] : (before ?? defaultTenant)
  if (before !== undefined && after !== before)
    throw forbidden('The tenant of an agent is changed with a token of scope admin for all agents', 'tenant')
  if (!sees(caller, { id, tenant: after }))
    throw forbidden(
      `The token is not for the agent ${JSON.stringify(id)} of the tenant ${JSON.stringify(after)}`,
      caller.tenant === undefined ? 'id' : 'tenant',
    )
}

/** Tenant of a spec without one. */
const defaultTenant = 'default'
