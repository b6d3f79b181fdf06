import type { Secrets } from './secrets.ts'

/** Maximum depth of nested causes that are copied. */
const maxDepth = 8

/**
 * Returns a copy of an error without secrets: the same class, with masked message, stack, causes and plain
 * fields. Other fields (requests, options, buffers) are left out.
 */
export function maskedError(error: Error, secrets: Secrets, depth = 0): Error {
  const masked = new Error(secrets.mask(error.message))
  // The getters of a DOMException reject every other object.
  if (error instanceof DOMException) masked.name = error.name
  else Object.setPrototypeOf(masked, Object.getPrototypeOf(error) as object)
  for (const key of Reflect.ownKeys(error)) {
    const value = maskedField(Reflect.get(error, key), secrets, depth)
    if (value === undefined) continue
    const enumerable = Object.getOwnPropertyDescriptor(error, key)?.enumerable ?? false
    Object.defineProperty(masked, key, { value, enumerable, configurable: true, writable: true })
  }
  return masked
}

function maskedField(value: unknown, secrets: Secrets, depth: number): unknown {
  if (typeof value === 'string') return secrets.mask(value)
  if (typeof value === 'number' || typeof value === 'boolean') return value
  if (value instanceof Error && depth < maxDepth) return maskedError(value, secrets, depth + 1)
  return undefined
}

/** Returns a thrown value without secrets. */
export function maskedThrown(thrown: unknown, secrets: Secrets): unknown {
  if (thrown instanceof Error) return maskedError(thrown, secrets)
  return typeof thrown === 'string' ? secrets.mask(thrown) : thrown
}

/**
 * Runs work and rejects with its error masked. The mask is needed because a server's message may hold a
 * secret, and inspectors of the machine see an actor's error.
 */
export async function withoutSecrets<T>(secrets: Secrets, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (thrown) {
    throw maskedThrown(thrown, secrets)
  }
}
