import type { z } from 'zod'
import { InvalidOptionsError } from '../errors.ts'
import { similarTo } from '../util/similar.ts'
import { optionPaths } from './schema-keys.ts'

/**
 * Returns a function that makes a value on the first call and returns the same value afterwards. Making the
 * schemas takes as long as loading the schema library, and a host that only imports the package needs
 * neither.
 */
export function lazily<T>(make: () => T): () => T {
  let made: { value: T } | undefined
  return () => (made ??= { value: make() }).value
}

/** Fault of a field of a value. */
export interface FieldFault {
  path: readonly PropertyKey[]
  message: string
}

/**
 * Returns the faults of a value, one for each bad field.
 *
 * @param what - word for a field of the value in messages, such as `option`
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) if the value cannot be read
 */
export function faultsOf(schema: z.ZodType, value: unknown, what: string): FieldFault[] {
  const { error } = read(schema, value, what)
  return issuesOf(error?.issues ?? []).flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({
          path: [...issue.path, key],
          message: explainUnknown({ ...issue, keys: [key] }, schema, what),
        }))
      : [{ path: issue.path, message: explain(issue, value, what) }],
  )
}

/**
 * Parses a value by a schema.
 *
 * @param what - word for a field of the value in messages, such as `option`
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) that names each bad field, its value and the
 * expected value
 */
export function parse<T extends z.ZodType>(schema: () => T, value: unknown, what: string): z.output<T> {
  const expected = schema()
  const result = read(expected, value, what)
  if (result.success) return result.data
  const messages = issuesOf(result.error.issues).map((issue) =>
    issue.code === 'unrecognized_keys' ? explainUnknown(issue, expected, what) : explain(issue, value, what),
  )
  throw new InvalidOptionsError([...new Set(messages)].join('; '))
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

/**
 * Returns the issues with each union's issue replaced by the issues of the branch that takes values of this
 * kind, because these issues are more precise. A union without such a branch keeps its own issue.
 */
function issuesOf(issues: readonly z.core.$ZodIssue[]): z.core.$ZodIssue[] {
  return issues.flatMap((issue) => {
    const branches = issue.code === 'invalid_union' ? issue.errors : []
    const fitting = branches.filter((inner) => inner.every((of) => of.path.length > 0 || !isOtherKind(of)))
    // A branch that knows all given fields is the one that the caller means.
    const branch = fitting.find((inner) => !inner.some(hasUnknown)) ?? fitting[0]
    if (!branch) return [issue]
    return issuesOf(branch.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] })))
  })
}

const hasUnknown = ({ code }: z.core.$ZodIssue): boolean => code === 'unrecognized_keys'

const isOtherKind = ({ code }: z.core.$ZodIssue): boolean =>
  code === 'invalid_type' || code === 'invalid_value'

/** Returns the message about unknown fields, with the known field that each of them resembles. */
function explainUnknown(
  { path, keys }: z.core.$ZodIssueUnrecognizedKeys,
  schema: z.core.$ZodType,
  what: string,
): string {
  const known = optionPaths(schema, path)
  const named = keys.map((key) => {
    // Another branch of a union may know the field: that is no advice.
    const others = known.filter((each) => pathOf(each) !== pathOf([...path, key]))
    const [similar] = similarTo(
      key,
      others.map((each) => String(each.at(-1))),
    )
    const instead = others.find((each) => each.at(-1) === similar)
    return `${pathOf([...path, key])}${instead ? ` (did you mean ${pathOf(instead)}?)` : ''}`
  })
  return `Unknown ${what} ${named.join(', ')}`
}

function explain(issue: z.core.$ZodIssue, value: unknown, what: string): string {
  if (issue.code === 'invalid_key' && !issue.path.slice(0, -1).some(holdsSecrets))
    return `Invalid ${what} ${pathOf(issue.path.slice(0, -1))}: ${issue.message}, got ${shortened(JSON.stringify(issue.path.at(-1)))}`
  const path = pathOf(issue.path)
  if (path === '') return `Invalid ${what}s: ${issue.message}, got ${show(issue.path, value)}`
  if (valueAt(issue.path, value) === undefined)
    return `${capitalised(what)} \`${path}\` is required: ${issue.message}`
  const mayBeUnset = valueAt(issue.path, value) === '' && fromEnvironment.test(path)
  return `Invalid ${what} ${path}: ${issue.message}, got ${show(issue.path, value)}${mayBeUnset ? emptyHint : ''}`
}

/** Options that hosts usually read from the environment. */
const fromEnvironment = /(^|\.)(apiKey|api_key|baseURL|base_url|password|home|binary)$/
/** Hint for an empty text, which is often the default of a variable that is not set. */
const emptyHint = ' (if the value comes from a variable of the environment, is the variable set?)'

const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

/** Returns a path as text. A name with `=` is cut there, because a variable's value may follow. */
const pathOf = (path: readonly PropertyKey[]): string =>
  path
    .map((key, i) =>
      typeof key === 'number' ? `[${key}]` : `${i > 0 ? '.' : ''}${String(key).replace(/=.*/s, '')}`,
    )
    .join('')

const mayBeSecret = /key|passw|env|config|secret|cred|cookie|auth|token$/i

const holdsSecrets = (key: PropertyKey): boolean => mayBeSecret.test(String(key))

const shortened = (text: string): string => (text.length > 80 ? `${text.slice(0, 77)}...` : text)

/** Returns the value at a path, shortened; never the value of an option that may hold a secret. */
function show(path: readonly PropertyKey[], value: unknown): string {
  const at = valueAt(path, value)
  if (at === undefined || at === null || typeof at === 'number') return String(at)
  if (path.length === 0) return typeof at
  if (path.at(-1) === 'proxy' || path.some(holdsSecrets))
    return at === '' ? 'an empty string' : `a ${typeof at} (not shown)`
  if (typeof at === 'function' || typeof at === 'symbol') return `a ${typeof at}`
  // Hides the credentials before a host, also if the rest of the URL is wrong, the query and the fragment.
  const shown = asText(at)
    .replace(/^("?(?:[a-z][\w+.-]*:\/\/)?).*@/is, '$1***@')
    .replace(/([?#])[^"'\s]+/g, '$1***')
  return shortened(shown)
}

function valueAt(path: readonly PropertyKey[], value: unknown): unknown {
  let at = value
  for (const key of path)
    at = typeof at === 'object' && at !== null ? (at as Record<PropertyKey, unknown>)[key] : undefined
  return at
}

/** Returns a value as JSON without fields that may hold a secret; the kind of a value that has no JSON. */
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
