import { isPlain } from '../../config/frozen-copy.ts'
import { fileSchema } from './config-schema.ts'

/** Name of the definition of a text, which may be a reference. */
const textOrReference = { $ref: '#/$defs/reference' }

/** Object that stands for a text. */
const reference = {
  description: 'Text from the environment, or from a file (its path is relative to this file).',
  oneOf: ['env', 'file'].map((name) => ({
    type: 'object',
    properties: { [name]: { type: 'string', minLength: 1 } },
    required: [name],
    additionalProperties: false,
  })),
}

/** Returns the JSON Schema (draft 2020-12) of a config file, by which editors complete and check the file. */
export function configJsonSchema(): Record<string, unknown> {
  const schema = fileSchema().toJSONSchema({ io: 'input', unrepresentable: 'any' })
  const { $schema, ...rest } = withReferences(schema) as Record<string, unknown>
  return {
    $schema,
    title: 'opencode-runtime serve: config file',
    ...rest,
    $defs: { reference },
  }
}

/** Returns a schema that takes a reference wherever it takes a text, except in the names of keys. */
function withReferences(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withReferences)
  if (!isPlain(schema)) return schema
  const { readOnly: _readOnly, default: given, ...rest } = schema
  const inner = Object.entries(rest).map(([key, value]) => [
    key,
    ['propertyNames', 'enum', 'required'].includes(key) ? value : withReferences(value),
  ])
  const shown = { ...Object.fromEntries(inner), ...defaultOf(given) } as Record<string, unknown>
  return shown['type'] === 'string' ? { anyOf: [shown, textOrReference] } : shown
}

/** Returns a default that tells something: an empty object or list does not. */
const defaultOf = (value: unknown): { default?: unknown } =>
  value === undefined || (typeof value === 'object' && Object.keys(value ?? {}).length === 0)
    ? {}
    : { default: value }
