/** @typedef {Record<string, unknown>} Schema */

/** Maximum depth of a value; a schema may contain itself. */
const deepest = 8

/** @type {(value: unknown) => Schema} */
const asSchema = (value) => /** @type {Schema} */ (typeof value === 'object' && value !== null ? value : {})

/** @type {(value: unknown) => unknown[]} */
const asList = (value) => (Array.isArray(value) ? value : [])

/**
 * Returns a plain value that fits most schemas: the first choice, the required fields, empty texts and lists.
 * @param {Schema} schema
 * @param {Schema} [root]
 * @param {number} [depth]
 * @returns {unknown}
 */
export function exampleOf(schema, root = schema, depth = 0) {
  if ('const' in schema) return schema['const']
  if ('default' in schema) return schema['default']
  const choices = asList(schema['enum'])
  if (choices.length > 0) return choices[0]
  if (depth > deepest) return null
  const inner = referred(schema, root) ?? asList(schema['anyOf'] ?? schema['oneOf'])[0]
  if (inner !== undefined) return exampleOf(asSchema(inner), root, depth + 1)
  return ofType(schema, root, depth)
}

/**
 * @param {Schema} schema
 * @param {Schema} root
 * @returns {unknown}
 */
function referred({ $ref }, root) {
  if (typeof $ref !== 'string' || !$ref.startsWith('#')) return undefined
  const keys = $ref.split('/').slice(1)
  return keys.reduce((/** @type {unknown} */ at, key) => asSchema(at)[key], root)
}

/**
 * @param {Schema} schema
 * @param {Schema} root
 * @param {number} depth
 */
function ofType(schema, root, depth) {
  const type = asList(schema['type'])[0] ?? schema['type'] ?? 'object'
  if (type === 'string') return 'x'.repeat(Number(schema['minLength'] ?? 0))
  if (type === 'integer' || type === 'number') return numberOf(schema)
  if (type === 'boolean') return false
  if (type === 'null') return null
  const example = (/** @type {unknown} */ of) => exampleOf(asSchema(of), root, depth + 1)
  if (type === 'array')
    return Array.from({ length: Number(schema['minItems'] ?? 0) }, () => example(schema['items']))
  const properties = asSchema(schema['properties'])
  const required = asList(schema['required']).map(String)
  return Object.fromEntries(required.map((name) => [name, example(properties[name])]))
}

/** @param {Schema} schema */
function numberOf({ minimum, exclusiveMinimum }) {
  return Math.max(0, Number(minimum ?? 0), Number(exclusiveMinimum ?? -1) + 1)
}
