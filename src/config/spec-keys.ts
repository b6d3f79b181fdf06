import type { AgentSpec } from './fleet-options.ts'
import { isPlain } from './frozen-copy.ts'
import { countingName, secretTexts } from './secret-texts.ts'

/** Fields of an object. */
type Fields = Readonly<Record<string, unknown>>

/**
 * Returns the paths of the fields of a spec that hold keys: a text whose name, or the name of an object around it, marks a
 * key, a URL with credentials, or a list with such a text. A reference such as `{env:NAME}` holds none.
 */
export const keyPaths = (spec: object): string[] => pathsIn(spec as Fields, '', '')

/** @param outer - name that counts for the object of the fields */
function pathsIn(fields: Fields, outer: string, before: string): string[] {
  return Object.entries(fields).flatMap(([name, value]) => {
    const counting = countingName(outer, name, value)
    if (holdsKey(counting, value)) return [`${before}${name}`]
    return isPlain(value) ? pathsIn(value, counting, `${before}${name}.`) : []
  })
}

/** Returns a spec without the fields that hold keys. An option of which nothing else is left goes as a whole. */
export function withoutKeys(spec: AgentSpec): AgentSpec {
  const given = Object.entries(strip({ ...spec }))
  const left = given.filter(([name, value]) => !isEmptied(value, spec[name as keyof AgentSpec]))
  return Object.fromEntries(left) as unknown as AgentSpec
}

const strip = (fields: Fields, outer = ''): Fields =>
  Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) => {
      const counting = countingName(outer, name, value)
      if (holdsKey(counting, value)) return []
      return [[name, isPlain(value) ? strip(value, counting) : value]]
    }),
  )

const isEmptied = (value: unknown, before: unknown): boolean =>
  isPlain(value) && Object.keys(value).length === 0 && Object.keys(Object(before) as object).length > 0

/** Options whose keys stay valid without the rest of the option. */
const independent = new Set(['proxy', 'env'])

/** Returns a spec without keys, with the keys of another spec of the same agent at the places that are still there. */
export function withKeysOf(own: AgentSpec, spec: AgentSpec): AgentSpec {
  const base: Record<string, unknown> = { ...spec }
  for (const name of independent) if (Object.hasOwn(own, name)) base[name] ??= {}
  const merged = Object.entries(addKeys(base, own as unknown as Fields))
  return Object.fromEntries(
    merged.filter(
      ([name, value]) =>
        !(isPlain(value) && Object.keys(value).length === 0) || spec[name as keyof AgentSpec] !== undefined,
    ),
  ) as unknown as AgentSpec
}

function addKeys(fields: Fields, own: Fields, outer = ''): Fields {
  const keys = Object.entries(own).filter(
    ([name, value]) => holdsKey(countingName(outer, name, value), value) && fields[name] === undefined,
  )
  const inner = Object.entries(fields).map(([name, value]) => {
    const ownValue = own[name]
    const isBoth = isPlain(value) && isPlain(ownValue)
    return [name, isBoth ? addKeys(value, ownValue, countingName(outer, name, value)) : value]
  })
  return { ...(Object.fromEntries(inner) as Fields), ...Object.fromEntries(keys) }
}

/** Returns whether a text or a list holds a key. */
const holdsKey = (name: string, value: unknown): boolean =>
  (typeof value === 'string' || Array.isArray(value)) && secretTexts(value, name).some((text) => text !== '')
