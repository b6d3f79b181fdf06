// The page docs/reference/gateway.md, from the OpenAPI document of the gateway.

/** @typedef {Record<string, any>} Json */

const methods = ['get', 'put', 'post', 'patch', 'delete']

/** @param {string} text */
const cell = (text) => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

/** @param {string[]} head @param {string[][]} rows */
const tableOf = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.map(cell).join(' | ')} |\n`).join('')

/** Returns the name of a referenced schema. @param {Json} schema */
const nameOf = ({ $ref = '' }) => String($ref).split('/').at(-1) ?? ''

/** @param {string} name */
const anchorOf = (name) => name.toLowerCase()

/** Returns the type of a value in words. @param {Json} schema @returns {string} */
function typeOf(schema = {}) {
  if (schema.$ref) return `[${nameOf(schema)}](#${anchorOf(nameOf(schema))})`
  const { anyOf, oneOf, allOf, type } = schema
  if (schema.enum)
    return schema.enum.map((/** @type {unknown} */ value) => `\`${JSON.stringify(value)}\``).join(', ')
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``
  const parts = anyOf ?? oneOf ?? allOf
  if (parts) return [...new Set(parts.map(typeOf))].join(' or ')
  if (Array.isArray(type)) return type.join(' or ')
  if (type === 'array') return `list of ${typeOf(schema.items)}`
  if (type === 'object' && !schema.properties && typeof schema.additionalProperties === 'object')
    return Object.keys(schema.additionalProperties).length === 0
      ? 'object'
      : `object of ${typeOf(schema.additionalProperties)}`
  if (type === 'object' && schema.properties)
    return `object of ${Object.keys(schema.properties)
      .map((name) => `\`${name}\``)
      .join(', ')}`
  return type ?? 'any value'
}

/** Returns what a schema says of a value beside its type. @param {Json} schema */
function remarksOf({ description = '', default: given, minimum, maximum }) {
  const isUsual = (/** @type {number | undefined} */ limit) =>
    limit !== undefined && Math.abs(limit) < Number.MAX_SAFE_INTEGER
  return [
    description,
    ...(given === undefined ? [] : [`Default: \`${JSON.stringify(given)}\`.`]),
    ...(isUsual(minimum) && minimum !== 0 ? [`At least ${minimum}.`] : []),
    ...(isUsual(maximum) ? [`At most ${maximum}.`] : []),
  ]
    .filter((text) => text !== '')
    .map((text) => (text.endsWith('.') ? text : `${text}.`))
    .join(' ')
}

/** Returns the table of the fields of an object. @param {Json} schema */
const fieldsOf = ({ properties = {}, required = [] }) =>
  tableOf(
    ['field', 'type', ''],
    Object.entries(properties).map(([name, schema]) => [
      `\`${name}\`${required.includes(name) ? '' : '?'}`,
      typeOf(schema),
      remarksOf(schema),
    ]),
  )

/** Returns the part about a schema. @param {string} name @param {Json} schema */
function schemaPart(name, schema) {
  const kinds = schema.oneOf ?? schema.anyOf
  const body = schema.properties
    ? fieldsOf(schema)
    : kinds?.every((/** @type {Json} */ kind) => kind.properties)
      ? kinds.map(fieldsOf).join('\nor\n\n')
      : `${typeOf(schema)}\n`
  return `### ${name}\n\n${schema.description ? `${schema.description}\n\n` : ''}${body}`
}

/** @param {Json} content */
const contentOf = (content = {}) =>
  Object.entries(content).map(
    ([type, { schema, 'x-item-schema': item }]) => `\`${type}\`: ${typeOf(item ?? schema)}`,
  )

/** Returns the part about a route. @param {string} path @param {string} method @param {Json} operation */
function routePart(path, method, { summary, security = [], parameters = [], requestBody, responses }) {
  const scopes = security.flatMap((/** @type {Json} */ each) => Object.values(each).flat())
  const answers = Object.entries(responses).filter(([, { $ref }]) => $ref === undefined)
  const problems = Object.keys(responses).filter((status) => responses[status].$ref !== undefined)
  return [
    `### ${method.toUpperCase()} ${path}\n`,
    `${summary}${/[.?!]$/.test(summary) ? '' : '.'} Scope: ${scopes.length === 0 ? 'none, the route is open' : scopes.map((/** @type {string} */ scope) => `\`${scope}\``).join(' or ')}.\n`,
    ...(parameters.length > 0
      ? [
          tableOf(
            ['parameter', 'in', 'type', ''],
            parameters.map((/** @type {Json} */ { name, in: place, required, schema, description }) => [
              `\`${name}\`${required ? '' : '?'}`,
              place,
              typeOf(schema),
              remarksOf({ ...schema, description }),
            ]),
          ),
        ]
      : []),
    ...(requestBody
      ? [`Body${requestBody.required ? '' : ' (optional)'}: ${contentOf(requestBody.content).join('; ')}.\n`]
      : []),
    tableOf(
      ['answer', '', 'body'],
      answers.map(([status, { description, content }]) => [
        status,
        description,
        contentOf(content).join('; '),
      ]),
    ),
    `Problems: ${problems.join(', ')}.\n`,
  ].join('\n')
}

/** Returns the page. @param {Json} document */
export function gatewayPage({ paths, components }) {
  const routes = Object.entries(paths).flatMap(([path, item]) =>
    methods.filter((method) => item[method]).map((method) => ({ path, method, operation: item[method] })),
  )
  const tags = [...new Set(routes.map(({ operation }) => operation.tags[0]))]
  const parts = tags.map((tag) => {
    const own = routes.filter(({ operation }) => operation.tags[0] === tag)
    return `## ${tag}\n\n${own.map(({ path, method, operation }) => routePart(path, method, operation)).join('\n')}`
  })
  const schemas = Object.entries(components.schemas).map(([name, schema]) => schemaPart(name, schema))
  return `# Reference of the gateway

Generated from the OpenAPI document (\`GET /v1/openapi.json\`) by \`npm run reference\`. How to use it: [the guide](../guides/gateway.md), and [a curl line for each route](../../examples/curl.md).
Every failure is \`application/problem+json\`: [Problem](#problem). A field with \`?\` may be missing.

${parts.join('\n')}
## Schemas

${schemas.join('\n')}`
}
