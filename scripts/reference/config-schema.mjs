// The JSON Schema of the config file, with the docstrings of the options as descriptions, for editors.
import { declarationsOf } from './source.mjs'

/** @typedef {import('./source.mjs').Declaration} Declaration @typedef {import('./source.mjs').Member} Member */
/** @typedef {Record<string, any>} Json */
/** @typedef {(message: string) => string} WireTexts Returns a text with the names of options as the file has them. */

const files = [
  ...['server-options', 'provider-options', 'turn-options', 'lifecycle-options', 'fleet-options'].map(
    (name) => `config/${name}.ts`,
  ),
  'gateway/options.ts',
  'cluster/options.ts',
  'gateway/config/cluster-config.ts',
  'gateway/config/config-file.ts',
]
const known = new Map(files.flatMap(declarationsOf).map((declaration) => [declaration.name, declaration]))

/** Returns the declarations that a type names. @param {string} type */
const declarationsIn = (type) =>
  (type.match(/\w+/g) ?? []).map((name) => known.get(name)).filter((found) => found !== undefined)

/** Returns the members of a declaration and of its bases; the first of one name counts. @param {Declaration} declaration @returns {Member[]} */
const membersOf = ({ members, bases }) => [
  ...members,
  ...bases.flatMap(declarationsIn).flatMap((base) => membersOf(base)),
]

/** Returns a schema with the descriptions of a declaration's members. @param {Json} schema @param {Declaration | undefined} declaration @param {WireTexts} wireTexts @returns {Json} */
function described(schema, declaration, wireTexts) {
  if (!declaration) return schema
  const within = (/** @type {Json} */ inner) => described(inner, declaration, wireTexts)
  const { properties, items, additionalProperties, anyOf } = schema
  return {
    ...schema,
    ...(properties && { properties: describedFields(properties, membersOf(declaration), wireTexts) }),
    ...(items && { items: within(items) }),
    ...(typeof additionalProperties === 'object' && { additionalProperties: within(additionalProperties) }),
    ...(anyOf && { anyOf: anyOf.map(within) }),
  }
}

/** @param {Json} properties @param {Member[]} members @param {WireTexts} wireTexts */
const describedFields = (properties, members, wireTexts) =>
  Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => {
      const member = members.find((each) => wireTexts(each.name) === name)
      if (!member) return [name, schema]
      const [declaration] = declarationsIn(member.type)
      const text = member.text === '' ? (declaration?.text ?? '') : member.text
      return [name, { ...aboutOf(member, text, wireTexts), ...described(schema, declaration, wireTexts) }]
    }),
  )

/** Returns the description and the default of a member. @param {Member} member @param {string} text @param {WireTexts} wireTexts */
function aboutOf({ tags }, text, wireTexts) {
  const told = tags['defaultValue'] ?? 'none'
  const value = literalOf(told, wireTexts)
  const isWord = value === undefined && !/^(none|no |the default of each)/.test(told)
  const parts = [text, tags['remarks'] ?? '', isWord ? `Default: ${told}.` : '']
  const description = wireTexts(parts.filter((part) => part !== '').join(' '))
  return { description, ...(value !== undefined && { default: value }) }
}

/** Returns the value that a default names: a number, true, false, or a text that is no name of an option. @param {string} told @param {WireTexts} wireTexts */
function literalOf(told, wireTexts) {
  const [, plain, quoted] = /^`?(?:(0|[1-9][\d_]*|true|false)|'?([\w.:]+)'?)`?(?: \(.*)?$/.exec(told) ?? []
  if (plain !== undefined) return JSON.parse(plain.replaceAll('_', ''))
  const isText =
    quoted !== undefined && told.startsWith('`') && wireTexts(quoted) === quoted && quoted !== 'id'
  return isText ? quoted : undefined
}

/**
 * Returns the schema with descriptions and defaults. A field of an agent has no default of its own: that of
 * `defaults` counts first.
 * @param {Json} schema @param {WireTexts} wireTexts @returns {Json}
 */
export function describedConfigSchema(schema, wireTexts) {
  const shown = described(schema, known.get('ConfigFile'), wireTexts)
  const { defaults, agents } = shown['properties']
  for (const [name, field] of Object.entries(agents.items.properties))
    if (name in defaults.properties) delete field.default
  return shown
}
