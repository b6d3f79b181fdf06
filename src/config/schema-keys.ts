import type { z } from 'zod'

/** Part of the definition of a schema that names other schemas. */
interface Definition {
  shape?: Record<string, z.core.$ZodType>
  options?: z.core.$ZodType[]
  innerType?: z.core.$ZodType
  in?: z.core.$ZodType
  element?: z.core.$ZodType
  valueType?: z.core.$ZodType
}

/**
 * Returns the paths of the options that an unknown option may stand for: the options of the object at `path`,
 * and the options of the objects in it. Options in lists are not among them.
 */
export function optionPaths(schema: z.core.$ZodType, path: readonly PropertyKey[]): PropertyKey[][] {
  return objectsAt(schema, path).flatMap((shape) =>
    Object.entries(shape).flatMap(([key, inner]) => {
      const own = [...path, key]
      const nested = objectsAt(inner, []).flatMap((fields) => Object.keys(fields))
      return [own, ...nested.map((field) => [...own, field])]
    }),
  )
}

/** Returns the fields of the objects that a schema allows at a path. */
function objectsAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): Record<string, z.core.$ZodType>[] {
  const { shape, options = [], innerType, in: input, element, valueType } = schema._zod.def as Definition
  const wrapped = [...options, ...(innerType ? [innerType] : []), ...(input ? [input] : [])]
  if (wrapped.length > 0) return wrapped.flatMap((inner) => objectsAt(inner, path))
  const [key, ...rest] = path
  if (key === undefined) return shape ? [shape] : []
  const inner = typeof key === 'number' ? element : (shape?.[String(key)] ?? valueType)
  return inner ? objectsAt(inner, rest) : []
}
