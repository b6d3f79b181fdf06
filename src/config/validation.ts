import type { z } from 'zod'
import { InvalidOptionsError } from '../errors.ts'

/**
 * Returns a function that makes a value on the first call and returns the same value afterwards. Making the
 * schemas takes as long as loading the schema library, and a host that only imports the package needs
 * neither.
 */
export function lazily<T>(make: () => T): () => T {
  let made: { value: T } | undefined
  return () => (made ??= { value: make() }).value
}

/**
 * Parses a value by a schema.
 *
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) that names the place and the value
 */
export function parse<T extends z.ZodType>(schema: () => T, value: unknown, what: string): z.output<T> {
  const result = read(schema(), value, what)
  if (result.success) return result.data
  throw new InvalidOptionsError(result.error.issues.map((issue) => explain(issue, value, what)).join('; '))
}

/** Parses a value; a value whose getters throw counts as invalid. */
function read<T extends z.ZodType>(
  schema: T,
  value: unknown,
  what: string,
): z.ZodSafeParseResult<z.output<T>> {
  try {
    return schema.safeParse(value)
  } catch (cause) {
    throw new InvalidOptionsError(`Invalid ${what}s: expected plain values, got one that cannot be read`, {
      cause,
    })
  }
}

function explain(issue: z.core.$ZodIssue, value: unknown, what: string): string {
  if (issue.code === 'unrecognized_keys') {
    const keys = issue.keys.map((key) => pathOf([...issue.path, key])).join(', ')
    return `Unknown ${what} ${keys}`
  }
  const path = pathOf(issue.path)
  const expected = /^Invalid|^Too|^Unrec/.test(issue.message)
    ? issue.message.replace(/^Invalid input: /, '')
    : issue.message
  return `Invalid ${what}${path === '' ? 's' : ` ${path}`}: ${expected}, got ${show(issue.path, value)}`
}

const pathOf = (path: readonly PropertyKey[]): string =>
  path.map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i > 0 ? '.' : ''}${String(key)}`)).join('')

const mayBeSecret = /key|passw|env|config|secret|credential|auth|token$/i

/** Returns the value at a path, shortened; never the value of an option that may hold a secret. */
function show(path: readonly PropertyKey[], value: unknown): string {
  let at: unknown = value
  for (const key of path)
    at = typeof at === 'object' && at !== null ? (at as Record<PropertyKey, unknown>)[key] : undefined
  if (at === undefined || at === null || typeof at === 'number') return String(at)
  if (path.length === 0 || path.at(-1) === 'proxy' || path.some((key) => mayBeSecret.test(String(key))))
    return path.length === 0 ? typeof at : `a ${typeof at} (not shown)`
  if (typeof at === 'function' || typeof at === 'symbol') return `a ${typeof at}`
  // Hides the credentials before a host, also if the rest of the URL is wrong, and the query.
  const shown = asText(at)
    .replace(/(\/\/|["'])(?:(?!\/\/)[^"'\s])+@/g, '$1***@')
    .replace(/(:\/\/[^"'\s?]*\?)[^"'\s]+/g, '$1***')
  return shown.length > 80 ? `${shown.slice(0, 77)}...` : shown
}

function asText(value: unknown): string {
  const hide = (key: string, inner: unknown) => {
    if (mayBeSecret.test(key)) return '(not shown)'
    return typeof inner === 'bigint' ? String(inner) : inner
  }
  try {
    const text = JSON.stringify(value, hide) as string | undefined
    return text ?? `a ${typeof value}`
  } catch {
    return `a ${typeof value}`
  }
}
