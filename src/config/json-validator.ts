import { Validator, type OutputUnit, type SchemaDraft } from '@cfworker/json-schema'
import { listIssues, type Checked, type Issue } from './schema-issues.ts'

const validators = new WeakMap<object, Validator>()

/** Keywords whose errors only lead to another error, which is reported too. */
const steps: ReadonlySet<string> = new Set([
  ...['properties', 'patternProperties', 'items', 'prefixItems', 'additionalItems', '$ref', 'allOf'],
  // `additionalProperties: false` reports the property first.
  'false',
])

/**
 * Validates a value by a JSON Schema.
 *
 * @throws Error if the schema cannot be used, such as for a reference to nothing or a bad pattern
 */
export function validateJson(schema: object, value: unknown): Checked {
  const { valid, errors } = validatorOf(schema).validate(value)
  if (valid) return { value }
  const reasons = errors.filter(({ keyword }) => !steps.has(keyword))
  return { issues: listIssues((reasons.length > 0 ? reasons : errors).map(issueOf)) }
}

function validatorOf(schema: object): Validator {
  const validator = validators.get(schema) ?? new Validator(schema, draftOf(schema), false)
  validators.set(schema, validator)
  return validator
}

/** Returns the draft that a schema names; 2020-12 for a schema that names none. */
function draftOf(schema: { $schema?: unknown }): SchemaDraft {
  const named = /draft-0?(4|7)|draft\/(2019-09)/.exec(String(schema.$schema))
  return (named?.[1] ?? named?.[2] ?? '2020-12') as SchemaDraft
}

/** Returns an error with the place that its JSON pointer names, such as `#/items/0`. */
const issueOf = ({ instanceLocation, error }: OutputUnit): Issue => ({
  message: error,
  path: instanceLocation.split('/').slice(1).map(decodeSegment),
})

const decodeSegment = (segment: string): string =>
  decodeURI(segment).replaceAll('~1', '/').replaceAll('~0', '~')
