import type { z } from 'zod'
import { lazily } from '../../config/validation.ts'

const names = new WeakMap<z.ZodType, string>()

/** Declares a schema that the OpenAPI document shows under a name of its own. The schema is made on first use. */
export function named<T extends z.ZodType>(name: string, make: () => T): () => T {
  return lazily(() => {
    const schema = make()
    names.set(schema, name)
    return schema
  })
}

/** Returns the name of a schema in the OpenAPI document, if the schema has one. */
export const nameOf = (schema: z.ZodType): string | undefined => names.get(schema)
