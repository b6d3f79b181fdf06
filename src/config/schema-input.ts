import { InvalidOptionsError } from '../errors.ts'
import { messageOf } from '../util/messages.ts'
import type { StandardIssue, StandardSchema } from './schema-types.ts'
import { listIssues, type Checked } from './schema-issues.ts'

/** Schema of a user, ready for the model and for the validation of what the model sends. */
export interface SchemaInput {
  /** JSON Schema of the values that the model sends. A copy; always the schema of an object. */
  readonly jsonSchema: Readonly<Record<string, unknown>>
  /**
   * Validates a value, and resolves with the schema's output, or with the reasons in one text for the model.
   * Rejects if the schema itself fails: with the error that its own function throws, or with an
   * InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for a JSON Schema that cannot be used.
   */
  readonly validate: (value: unknown) => Promise<Checked>
}

/** Advice for schemas without JSON Schema, by the vendor of their library. */
const converters: Readonly<Record<string, string>> = {
  valibot: 'wrap the schema in toStandardJsonSchema() of @valibot/to-json-schema',
  zod: 'use zod 4.2 or newer, or pass z.toJSONSchema(schema)',
  arktype: 'use arktype 2.1.28 or newer, or pass schema.toJsonSchema()',
  effect: 'add Schema.toStandardJSONSchemaV1() (Effect 4), or pass JSONSchema.make(schema) (Effect 3)',
}

type Props = StandardSchema['~standard']
/** Properties of a Standard Schema, which may be older than Standard JSON Schema. */
type GivenProps = Pick<Props, 'validate'> & Partial<Props>

/**
 * Converts a user's schema: a Standard Schema that gives JSON Schema, or a plain JSON Schema.
 *
 * @param what - name of the field in messages, such as `turn input output`
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) if the value is no schema, gives no JSON
 * Schema, or is not the schema of an object
 */
export function schemaInput(schema: unknown, what: string): SchemaInput {
  const standard = standardOf(schema)
  const jsonSchema = standard ? writtenBy(standard, what) : copyOf(schema, what)
  requireObject(jsonSchema, what)
  const validate = standard
    ? (value: unknown) => validateStandard(standard, value)
    : (value: unknown) => validatePlain(jsonSchema, value, what)
  return { jsonSchema, validate }
}

/** Returns the properties of a Standard Schema; `undefined` for any other value. A schema may be a function. */
function standardOf(schema: unknown): GivenProps | undefined {
  if ((typeof schema !== 'object' || schema === null) && typeof schema !== 'function') return undefined
  const standard = (schema as { '~standard'?: Partial<GivenProps> | null })['~standard']
  return typeof standard?.validate === 'function' ? (standard as GivenProps) : undefined
}

/**
 * Returns the JSON Schema of the values that a Standard Schema takes. Draft 2020-12 comes first, because
 * some providers accept nothing else for a list with fixed places.
 */
function writtenBy({ vendor = 'an unknown library', jsonSchema }: GivenProps, what: string) {
  if (typeof jsonSchema?.input !== 'function') {
    const advice = converters[vendor] ?? 'pass a plain JSON Schema'
    throw new InvalidOptionsError(
      `Invalid ${what}: expected a schema that gives JSON Schema, got one of ${vendor}; ${advice}`,
    )
  }
  try {
    return { ...writeFirst(jsonSchema) }
  } catch (cause) {
    throw new InvalidOptionsError(
      `Invalid ${what}: expected a schema that JSON Schema can express; ${vendor}: ${messageOf(cause)}`,
      { cause },
    )
  }
}

function writeFirst(jsonSchema: Props['jsonSchema']): Readonly<Record<string, unknown>> {
  try {
    return jsonSchema.input({ target: 'draft-2020-12' })
  } catch {
    return jsonSchema.input({ target: 'draft-07' })
  }
}

/** Returns a copy of a plain JSON Schema, so that later changes of the caller's object have no effect. */
function copyOf(schema: unknown, what: string): Record<string, unknown> {
  const expected = 'expected a Standard Schema that gives JSON Schema, or a JSON Schema object'
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema))
    throw new InvalidOptionsError(`Invalid ${what}: ${expected}, got ${kindOf(schema)}`)
  try {
    return JSON.parse(JSON.stringify(schema)) as Record<string, unknown>
  } catch (cause) {
    const message = `Invalid ${what}: ${expected}, got an object that JSON cannot represent`
    throw new InvalidOptionsError(message, { cause })
  }
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  return value === null || value === undefined ? String(value) : `a ${typeof value}`
}

const compositions = ['properties', '$ref', 'anyOf', 'oneOf', 'allOf'] as const

/** Refuses a schema of anything but an object, because a model can send only the input of a tool. */
function requireObject({ type, ...rest }: Readonly<Record<string, unknown>>, what: string): void {
  const isObject = type === 'object' || (type === undefined && compositions.some((key) => key in rest))
  if (isObject) return
  const got = typeof type === 'string' ? `the schema of type ${type}` : 'one that does not say type: "object"'
  throw new InvalidOptionsError(
    `Invalid ${what}: expected the schema of an object, got ${got}; put another value in a field of an object`,
  )
}

async function validateStandard(standard: GivenProps, value: unknown): Promise<Checked> {
  const result = await standard.validate(value)
  if (!result.issues) return { value: result.value }
  const issues = result.issues.map(({ message, path = [] }) => ({ message, path: path.map(keyOf) }))
  return { issues: listIssues(issues) }
}

const keyOf = (segment: NonNullable<StandardIssue['path']>[number]): PropertyKey =>
  typeof segment === 'object' ? segment.key : segment

/** Validates by a plain JSON Schema. The validator is loaded on first use. */
async function validatePlain(jsonSchema: object, value: unknown, what: string): Promise<Checked> {
  const { validateJson } = await import('./json-validator.ts')
  try {
    return validateJson(jsonSchema, value)
  } catch (cause) {
    throw new InvalidOptionsError(`Invalid ${what}: the JSON Schema cannot be used: ${messageOf(cause)}`, {
      cause,
    })
  }
}
