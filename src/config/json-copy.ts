import { InvalidOptionsError } from '../errors.ts'
import { isPlain } from './frozen-copy.ts'

/** Maximum depth of nesting; a deeper value is treated as endless. */
const deepest = 64

/**
 * Returns a deeply frozen copy of a spec, without fields that are undefined.
 *
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) that names the place of a value that JSON cannot
 * represent exactly: a function, an instance of a class, or an endless value
 */
export function jsonCopy(value: unknown, path = '', depth = 0): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number' && Number.isFinite(value)) return value
  if (depth > deepest) throw notJson(path.slice(0, 80), 'a value that is nested too deeply')
  if (Array.isArray(value))
    return Object.freeze(value.map((item, i) => jsonCopy(item, `${path}[${i}]`, depth + 1)))
  if (!isPlain(value)) throw notJson(path, kindOf(value))
  const given = Object.entries(value).filter(([, inner]) => inner !== undefined)
  return Object.freeze(
    Object.fromEntries(given.map(([key, inner]) => [key, jsonCopy(inner, pathTo(path, key), depth + 1)])),
  )
}

/** Returns the path of a field. A name with `=` is cut there, because a variable's value may follow. */
const pathTo = (path: string, key: string): string =>
  `${path}${path === '' ? '' : '.'}${key.replace(/=.*/s, '')}`

function notJson(path: string, kind: string): InvalidOptionsError {
  const hint =
    kind === 'a function' ? ": a spec is kept as JSON; return functions from the fleet's option resolve" : ''
  return new InvalidOptionsError(`Invalid option ${path}: expected a value of JSON, got ${kind}${hint}`)
}

function kindOf(value: unknown): string {
  if (typeof value === 'object') return 'an instance of a class'
  if (typeof value === 'number' || value === undefined) return String(value)
  return `a ${typeof value}`
}
