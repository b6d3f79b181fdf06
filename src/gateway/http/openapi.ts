import { z } from 'zod'
import { nameOf } from '../schemas/named.ts'
import { scopes } from '../access/caller.ts'
import { problemForm } from './failure-form.ts'
import { problemStatuses } from './problem-statuses.ts'
import { titles } from './problem.ts'
import type { Route, RouteAnswer } from './route.ts'

/** JSON object of the document. */
type Json = Record<string, unknown>

/** Returns the OpenAPI 3.1 document of routes. Its schemas are those that check requests, and declare answers. */
export function openApiDocument(routes: readonly Route[], version: string): Json {
  const components = new Components()
  const paths: Record<string, Json> = {}
  for (const route of routes) (paths[route.path] ??= {})[route.method] = operationOf(route, components)
  const responses = Object.fromEntries(routes.flatMap((route) => failuresOf(route, components)))
  return {
    openapi: '3.1.0',
    info: {
      title: 'opencode-runtime gateway',
      version,
      description: 'Drives a fleet of coding agents. A failure is a problem (RFC 9457) that says what to do.',
    },
    paths,
    components: { schemas: components.schemas(), responses, securitySchemes },
  }
}

/** Returns the failures of a route, by the names under which the document has them. */
function failuresOf(route: Route, components: Components): [string, Json][] {
  const { name, type, schema } = route.failures ?? problemForm
  const content = { [type]: { schema: components.reference(schema(), name) } }
  return problemStatuses(route).map((status) => [
    `${name}${status}`,
    { description: titles[status] ?? 'Failure', content },
  ])
}

const securitySchemes = {
  token: {
    type: 'http',
    scheme: 'bearer',
    description: `Token of \`opencode-runtime token create\`. Its scopes: ${scopes.join(', ')}.`,
  },
}

function operationOf(route: Route, components: Components): Json {
  const { id, summary, description, tag, scopes: allowed, body } = route
  const scopes = allowed === 'open' ? [] : allowed.map((scope) => ({ token: [scope] }))
  const problems = problemStatuses(route).map((status) => [
    status,
    { $ref: `#/components/responses/${(route.failures ?? problemForm).name}${status}` },
  ])
  const answers = Object.entries(route.answers).map(([status, answer]) => [
    status,
    answerOf(answer, `${pascal(id)}Answer${status}`, components),
  ])
  return {
    operationId: id,
    summary,
    ...(description !== undefined && { description }),
    tags: [tag],
    security: scopes,
    parameters: (['path', 'query', 'header'] as const).flatMap((place) => parametersOf(route, place)),
    ...(body && {
      requestBody: {
        required: !body.isOptional,
        content: contentOf(
          body.types ?? ['application/json'],
          components.reference(body.schema(), `${pascal(id)}Body`),
        ),
      },
    }),
    responses: { ...Object.fromEntries(answers), ...Object.fromEntries(problems) } as Json,
  }
}

function parametersOf({ params, query, headers }: Route, place: 'path' | 'query' | 'header'): Json[] {
  const schemas = { path: params, query, header: headers }[place]
  return Object.entries(schemas ?? {}).map(([name, schema]) => {
    const { description, ...shown } = schemaOf(schema)
    return {
      name,
      in: place,
      required: place === 'path' || !schema.safeParse(undefined).success,
      ...(description !== undefined && { description }),
      schema: shown,
    }
  })
}

function answerOf(answer: RouteAnswer, name: string, all: Components): Json {
  const { description, schema, types = ['application/json'], headers, unnamedEvents } = answer
  const events = unnamedEvents && {
    [eventStream]: { schema: unnamedEvent, 'x-item-schema': all.reference(unnamedEvents(), `${name}Event`) },
  }
  return {
    description,
    ...(headers && {
      headers: Object.fromEntries(
        Object.entries(headers).map(([each, text]) => [
          each,
          { description: text, schema: { type: 'string' } },
        ]),
      ),
    }),
    ...(schema && { content: { ...contentOf(types, all.reference(schema(), name)), ...events } }),
  }
}

/**
 * Returns the content of a body in each of its media types. OpenAPI 3.1 has no word for the items of a stream: the schema of
 * server-sent events is that of each event, as tools read the schema, and `x-item-schema` is that of a line or of an
 * event's data.
 */
function contentOf(types: readonly string[], reference: Json): Json {
  const entries = types.map((type) => {
    if (!streams.has(type)) return [type, { schema: /json$/.test(type) ? reference : { type: 'string' } }]
    const schema = type === eventStream ? eventSchema(reference) : { type: 'string' }
    return [type, { schema, 'x-item-schema': reference }]
  })
  return Object.fromEntries(entries) as Json
}

/** Returns the schema of a server-sent event whose data is JSON. */
const eventSchema = (contentSchema: Json): Json => ({
  type: 'object',
  properties: {
    event: { type: 'string' },
    id: { type: 'string' },
    data: { type: 'string', contentMediaType: 'application/json', contentSchema },
  },
  required: ['event', 'data'],
})

/** Schema of a server-sent event without a name, of which the last one may have other data than JSON. */
const unnamedEvent: Json = {
  type: 'object',
  properties: { data: { type: 'string' } },
  required: ['data'],
}

const eventStream = 'text/event-stream'
const streams = new Set(['application/x-ndjson', eventStream])

/** Schemas of the document, by their names. */
class Components {
  readonly #registry = z.registry<{ id: string }>()
  readonly #roots: z.ZodType[] = []

  /** Returns a reference to a schema, under its own name or another one. */
  reference(schema: z.ZodType, otherwise: string): Json {
    const id = this.#registry.get(schema)?.id ?? nameOf(schema) ?? otherwise
    if (!this.#registry.has(schema)) {
      this.#registry.add(schema, { id })
      this.#roots.push(schema)
    }
    return { $ref: referenceTo(id) }
  }

  /** Returns all schemas by their names. */
  schemas(): Json {
    const parts = this.#roots.flatMap((schema) =>
      Object.entries(schemaOf(schema, this.#registry)['$defs'] as Json),
    )
    return Object.fromEntries(parts.map(([id, part]) => [id, inDocument(part)]))
  }
}

const referenceTo = (id: string): string => `#/components/schemas/${id}`

/**
 * Returns the JSON Schema of a schema. The method of the schema is used, because the function of the library takes kinds
 * of schemas along that this package does not have.
 */
function schemaOf(schema: z.ZodType, metadata?: z.core.$ZodRegistry<{ id: string }>): Json {
  const { $schema: _, ...shown } = schema.toJSONSchema({
    io: 'input',
    unrepresentable: 'any',
    ...(metadata && { metadata, override: describe }),
  })
  return shown
}

/** Adds the description of a schema, which a registry of its own for the names would leave out. */
function describe({ zodSchema, jsonSchema }: { zodSchema: z.core.$ZodType; jsonSchema: Json }): void {
  const { description } = z.globalRegistry.get(zodSchema) ?? {}
  if (description !== undefined) jsonSchema['description'] = description
}

/** Returns a schema with the references of the document, and without the name under which the document has it. */
function inDocument(part: unknown): Json {
  const { id: _, ...schema } = withReferences(part) as Json
  return schema
}

function withReferences(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withReferences)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value as Json).map(([key, inner]) => [
    key,
    key === '$ref' ? referenceTo(String(inner).replace('#/$defs/', '')) : withReferences(inner),
  ])
  return Object.fromEntries(entries)
}

const pascal = (id: string): string => id.charAt(0).toUpperCase() + id.slice(1)
