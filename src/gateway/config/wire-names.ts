import type { z } from 'zod'
import { isPlain } from '../../config/frozen-copy.ts'

/** Part of the definition of a schema that names other schemas. */
export interface Definition {
  shape?: Record<string, z.core.$ZodType>
  options?: readonly z.core.$ZodType[]
  innerType?: z.core.$ZodType
  in?: z.core.$ZodType
  element?: z.core.$ZodType
  valueType?: z.core.$ZodType
}

/** Returns a name in snake_case: `baseURL` is `base_url`. */
export const snakeCase = (name: string): string =>
  name.replace(/[A-Z]+(?![a-z])|[A-Z]/g, (capitals) => `_${capitals.toLowerCase()}`)

/**
 * Returns a schema with the names of its fields in snake_case, at every depth. The keys of records are data, and stay.
 * Of two fields with one name, such as a deprecated alias, the first one stays.
 */
export function inSnakeCase(schema: z.core.$ZodType): z.core.$ZodType {
  const definition = schema._zod.def as z.core.$ZodTypeDef & Definition
  const changed: Partial<Definition> = {}
  if (definition.shape) changed.shape = snakeShape(definition.shape)
  if (definition.options) changed.options = definition.options.map(inSnakeCase)
  for (const name of ['innerType', 'in', 'element', 'valueType'] as const) {
    const inner = definition[name]
    if (inner) changed[name] = inSnakeCase(inner)
  }
  if (Object.keys(changed).length === 0) return schema
  // A clone keeps the checks and the messages.
  const Type = schema._zod.constr
  return new Type({ ...definition, ...changed })
}

function snakeShape(shape: Record<string, z.core.$ZodType>): Record<string, z.core.$ZodType> {
  const fields = new Map<string, z.core.$ZodType>()
  for (const [name, inner] of Object.entries(shape))
    if (!fields.has(snakeCase(name))) fields.set(snakeCase(name), inSnakeCase(inner))
  return Object.fromEntries(fields)
}

/** Returns a value of a schema in snake_case with the names of the schema itself. */
export function fromSnakeCase(value: unknown, schema: z.core.$ZodType): unknown {
  return renamed(value, leavesOf(schema))
}

function renamed(value: unknown, schemas: readonly Definition[]): unknown {
  if (Array.isArray(value)) return value.map((item, i) => renamed(item, innerSchemas(schemas, i)))
  if (!isPlain(value) || schemas.length === 0) return value
  const entries = Object.entries(value).map(([key, inner]) => {
    const names = schemas.flatMap(({ shape = {} }) => Object.keys(shape))
    const name = names.find((each) => snakeCase(each) === key) ?? key
    return [name, renamed(inner, innerSchemas(schemas, name))]
  })
  return Object.fromEntries(entries)
}

/** Returns the schemas that a value may have, without the schemas that wrap them. */
export function leavesOf(schema: z.core.$ZodType): Definition[] {
  const definition = schema._zod.def as Definition
  const { options = [], innerType, in: input } = definition
  const wrapped = [...options, ...(innerType ? [innerType] : []), ...(input ? [input] : [])]
  return wrapped.length > 0 ? wrapped.flatMap(leavesOf) : [definition]
}

/** Returns the schemas that a field, a value of a record or an item of a list may have. */
export const innerSchemas = (schemas: readonly Definition[], key: string | number): Definition[] =>
  schemas.flatMap(({ shape = {}, element, valueType }) => {
    const field = Object.hasOwn(shape, key) ? shape[key] : valueType
    const inner = typeof key === 'number' ? element : field
    return inner ? leavesOf(inner) : []
  })
