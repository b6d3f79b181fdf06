import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { openApiDocument } from '../../../../src/gateway/http/openapi.ts'
import { route } from '../../../../src/gateway/http/route.ts'
import { json } from '../../../../src/gateway/http/answers.ts'
import { named } from '../../../../src/gateway/schemas/named.ts'

const item = named('Item', () => z.strictObject({ id: z.string(), parent: z.string().nullable() }))
const items = named('Items', () => z.strictObject({ items: z.array(item()) }))

const routes = [
  route({
    id: 'readItem',
    method: 'get',
    path: '/items/{id}',
    tag: 'Items',
    summary: 'Reads an item',
    scopes: ['read', 'admin'],
    params: { id: z.string().describe('Id of an item') },
    query: { limit: z.int().min(1).default(10) },
    answers: { 200: { description: 'The item', schema: item } },
    handle: () => json(200, {}),
  }),
  route({
    id: 'putItems',
    method: 'put',
    path: '/items',
    tag: 'Items',
    summary: 'Puts items',
    scopes: 'open',
    body: { schema: () => z.strictObject({ count: z.int() }), isOptional: true },
    problems: [507],
    answers: {
      200: { description: 'The items', schema: items },
      202: {
        description: 'Items as they come',
        schema: item,
        types: ['application/x-ndjson', 'text/event-stream'],
        headers: { 'Turn-Id': 'Id of the turn' },
      },
    },
    handle: () => json(200, {}),
  }),
]
const document = openApiDocument(routes, '1.2.3') as {
  paths: Record<string, Record<string, Record<string, never>>>
  components: { schemas: Record<string, unknown> }
}

describe('the OpenAPI document', () => {
  it('has each schema once, under its own name or the name of its operation', () => {
    expect(Object.keys(document.components.schemas).sort()).toEqual([
      'Item',
      'Items',
      'Problem',
      'PutItemsBody',
    ])
    expect(document.components.schemas['Items']).toEqual({
      type: 'object',
      properties: { items: { type: 'array', items: { $ref: '#/components/schemas/Item' } } },
      required: ['items'],
      additionalProperties: false,
    })
    expect(JSON.stringify(document)).not.toMatch(/\$defs|\$schema|"id":"Item/)
  })

  it('names the scopes of which a token needs one; none for an open route', () => {
    const { security } = document.paths['/items/{id}']?.['get'] ?? {}
    expect(security).toEqual([{ token: ['read'] }, { token: ['admin'] }])
    expect(document.paths['/items']?.['put']?.['security']).toEqual([])
  })

  it('names parameters with their kinds and whether they may be missing', () => {
    expect(document.paths['/items/{id}']?.['get']?.['parameters']).toEqual([
      { name: 'id', in: 'path', required: true, description: 'Id of an item', schema: { type: 'string' } },
      expect.objectContaining({ name: 'limit', in: 'query', required: false }),
    ])
  })

  it('lists the status codes of every problem of a route', () => {
    const statuses = (path: string, method: string) =>
      Object.keys(document.paths[path]?.[method]?.['responses'] as unknown as object)
    expect(statuses('/items/{id}', 'get')).toEqual('200 400 401 403 404 414 429 431 500 503'.split(' '))
    expect(statuses('/items', 'put')).toEqual('200 202 400 403 413 414 415 431 500 503 507'.split(' '))
  })

  it('shows an answer of lines as a text, and server-sent events one by one, with the schema of an item', () => {
    const item = { $ref: '#/components/schemas/Item' }
    const responses = document.paths['/items']?.['put']?.['responses'] as unknown as Record<string, unknown>
    expect(responses['202']).toMatchObject({
      headers: { 'Turn-Id': { description: 'Id of the turn', schema: { type: 'string' } } },
      content: {
        'application/x-ndjson': {
          schema: { type: 'string' },
          'x-item-schema': item,
        },
        'text/event-stream': {
          schema: {
            type: 'object',
            properties: {
              data: { type: 'string', contentMediaType: 'application/json', contentSchema: item },
            },
            required: ['event', 'data'],
          },
          'x-item-schema': item,
        },
      },
    })
  })
})
