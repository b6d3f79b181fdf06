import { agentIdPattern } from '../../config/fleet-schema.ts'
import { scopes, type Scope } from '../../gateway/access/caller.ts'
import { tokenIdPattern, type TokenGrant } from '../../gateway/access/token-record.ts'
import { similarTo } from '../../util/similar.ts'
import { UsageError } from '../exit-codes.ts'
import type { TokenCreateFlags } from '../flags.ts'

/** Returns what a new token is for, by the flags of `token create`. Without `--scope` it is for everything. */
export function grantFrom(flags: TokenCreateFlags, now: number): TokenGrant {
  const { id, agent, tenant, expires } = flags
  if (id !== undefined && !tokenIdPattern.test(id))
    throw new UsageError('--id: expected 1 to 63 letters, digits, ., _ and -, of which the first is no mark')
  for (const name of [...(agent ?? []), ...(tenant === undefined ? [] : [tenant])])
    if (!agentIdPattern.test(name))
      throw new UsageError(
        `${name === tenant ? '--tenant' : '--agent'}: expected 1 to 63 characters a-z, 0-9, _ and -, got ${JSON.stringify(name)}`,
      )
  return {
    id,
    scopes: flags.scope === undefined ? scopes : flags.scope.map(scopeFrom),
    agents: agent,
    tenant,
    expiresAt: expires === undefined ? undefined : timeFrom(expires, now),
  }
}

function scopeFrom(text: string): Scope {
  const scope = scopes.find((known) => known === text)
  if (scope !== undefined) return scope
  const [similar] = similarTo(text, scopes)
  const hint = similar === undefined ? '' : ` (did you mean ${similar}?)`
  throw new UsageError(`--scope: expected ${scopes.join(', ')}, got ${JSON.stringify(text)}${hint}`)
}

const units: Readonly<Record<string, number>> = {
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
}

/** Returns the time of `--expires`, a duration from now or a date, as ISO 8601. */
function timeFrom(text: string, now: number): string {
  const [, number, unit = ''] = /^(\d{1,6})([mhdw])$/.exec(text) ?? []
  const isDate = /^\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:?\d\d)?)?$/.test(text)
  const at = number === undefined ? Date.parse(isDate ? text : '') : now + Number(number) * (units[unit] ?? 0)
  if (Number.isNaN(at) || at > latest)
    throw new UsageError(
      `--expires: expected a duration such as 90d, 12h or 30m, or a time such as 2030-01-31T00:00:00Z, got ${JSON.stringify(text)}`,
    )
  if (at <= now) throw new UsageError(`--expires: ${JSON.stringify(text)} has passed: give a later time`)
  return new Date(at).toISOString()
}

/** Latest time that ISO 8601 writes with a year of four digits, in epoch ms. */
const latest = Date.UTC(9999, 11, 31)
