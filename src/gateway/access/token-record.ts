import { createHash, randomBytes } from 'node:crypto'
import { z } from 'zod'
import { agentIdPattern } from '../../config/fleet-schema.ts'
import { lazily } from '../../config/validation.ts'
import { scopes, type Scope, type TokenRecord } from './caller.ts'

/** Pattern of the ids of tokens. */
export const tokenIdPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/

const idError =
  'expected 1 to 63 characters A-Z, a-z, 0-9, ., _ and -, of which the first is a letter or a digit'
const hashError = 'expected sha256: and 64 hex digits'
const nameError = 'expected the id of an agent, or the name of a tenant'
const scopeError = `expected ${scopes.join(', ')}`

const name = lazily(() => z.string(nameError).regex(agentIdPattern, nameError))

/** Schema of a token's record. */
export const tokenRecordSchema = lazily(() =>
  z.strictObject(
    {
      id: z.string(idError).regex(tokenIdPattern, idError),
      hash: z
        .string(hashError)
        .regex(/^sha256:[\da-f]{64}$/i, hashError)
        .toLowerCase(),
      scopes: z.array(z.enum(scopes, scopeError), `expected a list of ${scopes.join(', ')}`).readonly(),
      agents: z.array(name(), 'expected a list of ids of agents').readonly().exactOptional(),
      tenant: name().exactOptional(),
      expires_at: z.iso
        .datetime({ offset: true, error: 'expected a time, such as 2030-01-31T00:00:00Z' })
        .exactOptional(),
    },
    'expected an object',
  ),
)

/** Schema of a list of tokens' records. */
export const tokenRecordsSchema = lazily(() =>
  z.array(tokenRecordSchema(), 'expected a list of tokens').readonly(),
)

/** Rights of a new token. */
export interface TokenGrant {
  /** Id of the token; a random id if absent. */
  id?: string | undefined
  scopes: readonly Scope[]
  agents?: readonly string[] | undefined
  tenant?: string | undefined
  /** ISO 8601. */
  expiresAt?: string | undefined
}

/** Returns a new token with 256 random bits, and its record, which does not hold the token. */
export function newToken(grant: TokenGrant): { token: string; record: TokenRecord } {
  const token = `ort_${randomBytes(32).toString('base64url')}`
  const { id, agents, tenant, expiresAt } = grant
  const record: TokenRecord = {
    id: id ?? `t_${randomBytes(6).toString('hex')}`,
    hash: hashOf(token),
    scopes: scopes.filter((scope) => grant.scopes.includes(scope)),
    ...(agents !== undefined && { agents: [...agents] }),
    ...(tenant !== undefined && { tenant }),
    ...(expiresAt !== undefined && { expires_at: expiresAt }),
  }
  return { token, record }
}

/** Returns the hash of a token, as its record holds the hash. */
export const hashOf = (token: string): string => `sha256:${createHash('sha256').update(token).digest('hex')}`

/** Returns whether a token is refused from now on, because its time is over. */
export const isExpired = ({ expires_at }: TokenRecord, now: number): boolean =>
  expires_at !== undefined && Date.parse(expires_at) <= now
