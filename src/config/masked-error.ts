import type { Secrets } from './secrets.ts'

/** How many causes deep. */
const maxDepth = 8

/**
 * A copy of an error that holds no secret: of the same class, with its message, stack, causes and plain fields masked.
 * What else hangs on it (requests, options, buffers) is left out.
 */
export function maskedError(error: Error, secrets: Secrets, depth = 0): Error {
  const masked = new Error(secrets.mask(error.message))
  // The getters of a DOMException refuse every other object.
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

/** Whatever was thrown, without secrets. */
export function maskedThrown(thrown: unknown, secrets: Secrets): unknown {
  if (thrown instanceof Error) return maskedError(thrown, secrets)
  return typeof thrown === 'string' ? secrets.mask(thrown) : thrown
}

/**
 * Awaits work whose failure others are shown, and rejects with it masked: a server may say anything, and an actor's error
 * is seen by whoever inspects the machine.
 */
export async function withoutSecrets<T>(secrets: Secrets, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (thrown) {
    throw maskedThrown(thrown, secrets)
  }
}
