import type { z } from 'zod'
import { InvalidOptionsError } from './errors.ts'

/** Parses a value by a schema; a bad one throws {@link InvalidOptionsError}, which names the place and the value. */
export function parse<T extends z.ZodType>(schema: T, value: unknown, what: string): z.output<T> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw new InvalidOptionsError(result.error.issues.map((issue) => explain(issue, value, what)).join('; '))
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

/** The value at a path, short; never that of an option which may hold a secret. */
function show(path: readonly PropertyKey[], value: unknown): string {
  let at: unknown = value
  for (const key of path)
    at = typeof at === 'object' && at !== null ? (at as Record<PropertyKey, unknown>)[key] : undefined
  if (at === undefined) return 'undefined'
  if (path.length === 0) return typeof at
  if (path.some((key) => /key|password|env|config|secret|token$/i.test(String(key))))
    return `a ${typeof at} (not shown)`
  if (typeof at === 'function' || typeof at === 'symbol') return `a ${typeof at}`
  const shown = JSON.stringify(at, (_key, inner: unknown) =>
    typeof inner === 'bigint' ? String(inner) : inner,
  )
  return shown.length > 80 ? `${shown.slice(0, 77)}...` : shown
}
