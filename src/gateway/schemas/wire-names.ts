import { z } from 'zod'
import { isPlain } from '../../config/frozen-copy.ts'

/** Part of the definition of a schema that names other schemas. */
export interface Definition {
  type: string
  shape?: Record<string, z.core.$ZodType>
  options?: readonly z.core.$ZodType[]
  innerType?: z.core.$ZodType
  in?: z.core.$ZodType
  element?: z.core.$ZodType
  valueType?: z.core.$ZodType
}

const definitionOf = (schema: z.core.$ZodType): Definition => schema._zod.def

/** Returns a name of the library as the wire has it: `baseURL` is `base_url`. */
export const snakeCase = (name: string): string =>
  name.replace(/[A-Z]+(?![a-z])|[A-Z]/g, (capitals) => `_${capitals.toLowerCase()}`)

/** Returns the names of all fields of a schema, at every depth. */
export function fieldNames(schema: z.core.$ZodType): string[] {
  return leavesOf(schema).flatMap(({ shape = {}, element }) => [
    ...Object.keys(shape),
    ...[...Object.values(shape), ...(element ? [element] : [])].flatMap(fieldNames),
  ])
}

/** Returns a copy of an object of the library, without data as keys, with all its names as the wire has them. */
export function snakeKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snakeKeys)
  if (!isPlain(value)) return value
  const given = Object.entries(value).filter(([, inner]) => inner !== undefined)
  return Object.fromEntries(given.map(([name, inner]) => [snakeCase(name), snakeKeys(inner)]))
}

/**
 * Returns the schema of what the wire has for a schema of options: names of fields in snake_case at every depth, without
 * defaults and without conversions. Keys of records are data, and stay. Of two fields with one name, such as a
 * deprecated alias, the first one stays.
 */
export function wireSchema(schema: z.core.$ZodType): z.ZodType {
  const definition = definitionOf(schema)
  const { type, shape, options, innerType, element, valueType } = definition
  if (type === 'pipe' && definition.in) return wireSchema(definition.in)
  if (innerType && (type === 'default' || type === 'prefault')) return wireSchema(innerType).optional()
  return copied(schema, {
    ...(shape && { shape: wireShape(shape) }),
    ...(options && { options: options.map(wireSchema) }),
    ...(innerType && { innerType: wireSchema(innerType) }),
    ...(element && { element: wireSchema(element) }),
    ...(valueType && { valueType: wireSchema(valueType) }),
  })
}

/** Returns a copy of a schema with other inner schemas. The copy keeps the checks and the messages. */
function copied(schema: z.core.$ZodType, change: Partial<Definition>): z.ZodType {
  if (Object.keys(change).length === 0) return schema as z.ZodType
  const Type = schema._zod.constr
  return new Type({ ...schema._zod.def, ...change }) as z.ZodType
}

function wireShape(shape: Record<string, z.core.$ZodType>): Record<string, z.ZodType> {
  const fields = new Map<string, z.ZodType>()
  for (const [name, inner] of Object.entries(shape))
    if (!fields.has(snakeCase(name))) fields.set(snakeCase(name), wireSchema(inner))
  return Object.fromEntries(fields)
}

/** Returns a value of the wire with the names of the library's schema. */
export const fromWire = (schema: z.core.$ZodType, value: unknown): unknown =>
  renamed(value, leavesOf(schema), (key, names) => names.find((name) => snakeCase(name) === key))

/** Returns a value of the library with the names of the wire. */
export const toWire = (schema: z.core.$ZodType, value: unknown): unknown =>
  renamed(value, leavesOf(schema), (key, names) => (names.includes(key) ? snakeCase(key) : undefined))

/** Returns the new name of a field, if one of the known fields is meant. */
type Rename = (key: string, names: readonly string[]) => string | undefined

function renamed(value: unknown, schemas: readonly Definition[], rename: Rename): unknown {
  if (Array.isArray(value)) return value.map((item, i) => renamed(item, innerSchemas(schemas, i), rename))
  if (!isPlain(value) || schemas.length === 0) return value
  const names = schemas.flatMap(({ shape = {} }) => Object.keys(shape))
  const entries = Object.entries(value).map(([key, inner]) => {
    const name = rename(key, names) ?? key
    return [name, renamed(inner, innerSchemas(schemas, names.includes(key) ? key : name), rename)]
  })
  return Object.fromEntries(entries)
}

/** Returns the schemas that a field, a value of a record or an item of a list may have. */
export const innerSchemas = (schemas: readonly Definition[], key: string | number): Definition[] =>
  schemas.flatMap(({ shape = {}, element, valueType }) => {
    const field = Object.hasOwn(shape, key) ? shape[key] : valueType
    const inner = typeof key === 'number' ? element : field
    return inner ? leavesOf(inner) : []
  })

/** Returns the schemas that a value may have, without the schemas that wrap them. */
export function leavesOf(schema: z.core.$ZodType): Definition[] {
  const definition = definitionOf(schema)
  const { options = [], innerType, in: input } = definition
  const wrapped = [...options, ...(innerType ? [innerType] : []), ...(input ? [input] : [])]
  return wrapped.length > 0 ? wrapped.flatMap(leavesOf) : [definition]
}
