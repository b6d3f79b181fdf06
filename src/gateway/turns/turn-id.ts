import { createHash } from 'node:crypto'

/** Key of a request, which belongs to a token and an agent. */
export interface KeyOwner {
  tokenId: string
  agentId: string
}

/**
 * Returns the id of the turn of an Idempotency-Key. The same key of another token, or for another agent, is another
 * turn.
 */
export const turnIdOfKey = ({ tokenId, agentId }: KeyOwner, key: string): string =>
  sha256(JSON.stringify([tokenId, agentId, key])).slice(0, 32)

/** Returns a hash of the fields of a body, which does not depend on their order. */
export const hashOfBody = (body: unknown): string => sha256(JSON.stringify(sorted(body)))

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** Returns a JSON value with the fields of every object in the order of their names. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const fields = Object.entries(value).filter(([, field]) => field !== undefined)
  // Pairs instead of an object: a field named `__proto__` is a field like any other.
  return { fields: fields.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, field]) => [name, sorted(field)]) }
}
