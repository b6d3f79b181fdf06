import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import * as mini from 'zod/mini'
import { schemaInput } from '../../../src/config/schema-input.ts'
import { InvalidOptionsError } from '../../../src/errors.ts'

const order = {
  type: 'object',
  properties: {
    id: { type: 'string', pattern: '^o-' },
    lines: {
      type: 'array',
      items: { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] },
    },
  },
  required: ['id'],
  additionalProperties: false,
} as const

const read = (schema: unknown) => schemaInput(schema, 'turn input output')

function refusal(schema: unknown): string {
  try {
    read(schema)
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidOptionsError)
    return (error as Error).message
  }
  throw new Error('Expected an InvalidOptionsError')
}

/** Returns a schema of a library that knows Standard Schema but not Standard JSON Schema. */
const bare = (vendor: string) => ({
  '~standard': { version: 1, vendor, validate: (value: unknown) => ({ value }) },
})

describe('schemaInput, for a Standard Schema', () => {
  it('gives the JSON Schema of what the schema takes, and validates to what the schema returns', async () => {
    const { jsonSchema, validate } = read(
      z.object({ n: z.string().transform(Number), unit: z.string().default('m') }),
    )
    expect(jsonSchema).toMatchObject({
      type: 'object',
      properties: { n: { type: 'string' }, unit: { type: 'string' } },
      required: ['n'],
    })
    expect(await validate({ n: '7' })).toEqual({ value: { n: 7, unit: 'm' } })
  })

  it('awaits a validation that takes time', async () => {
    const { validate } = read(
      z.object({ n: z.number() }).refine(({ n }) => Promise.resolve(n > 1), 'too small'),
    )
    expect(await validate({ n: 2 })).toEqual({ value: { n: 2 } })
    expect(await validate({ n: 1 })).toEqual({ issues: 'too small' })
  })

  it('names the place of each issue', async () => {
    const { validate } = read(
      z.object({ items: z.array(z.object({ n: z.number('no number') })), id: z.string('no text') }),
    )
    expect(await validate({ items: [{ n: 1 }, { n: 'x' }] })).toEqual({
      issues: 'items[1].n: no number; id: no text',
    })
  })

  it('bounds the text of many issues', async () => {
    const { validate } = read(z.object({ list: z.array(z.number()) }))
    const { issues } = (await validate({ list: Array.from({ length: 1000 }, String) })) as { issues: string }
    expect(issues).toHaveLength(2000)
    expect(issues).toMatch(/^list\[0\]: .*…$/)
  })

  it('takes a schema that is a function, as arktype has it', async () => {
    const { jsonSchema, validate } = read(
      Object.assign(() => undefined, { '~standard': z.object({})['~standard'] }),
    )
    expect(jsonSchema).toMatchObject({ type: 'object' })
    expect(await validate({})).toEqual({ value: {} })
  })

  it('takes what z.toJSONSchema returns for a schema of zod/mini, and validates by that schema', async () => {
    const { validate } = read(z.toJSONSchema(mini.object({ n: mini.number() })))
    expect(await validate({ n: 1 })).toEqual({ value: { n: 1 } })
    expect(await validate({ n: 'x' })).toHaveProperty('issues')
  })

  it('falls back to an older draft if the library does not know the newer one', () => {
    const input = ({ target }: { target: string }) => {
      if (target !== 'draft-07') throw new Error('unknown target')
      return { type: 'object' }
    }
    const { '~standard': standard } = bare('old')
    expect(read({ '~standard': { ...standard, jsonSchema: { input } } }).jsonSchema).toEqual({
      type: 'object',
    })
  })

  it('rejects with the error that the schema throws', async () => {
    const fail = (): never => {
      throw new Error('the database is down')
    }
    await expect(read(z.object({}).refine(fail)).validate({})).rejects.toThrow('the database is down')
  })
})

describe('schemaInput, for a plain JSON Schema', () => {
  it('gives a copy, and validates without a change of the value', async () => {
    const given = structuredClone(order) as { type: string }
    const { jsonSchema, validate } = read(given)
    given.type = 'string'
    expect(jsonSchema).toEqual(order)
    const value = { id: 'o-1', lines: [{ n: 1 }] }
    expect(await validate(value)).toEqual({ value })
  })

  it('names the place and the reason of each issue', async () => {
    const { issues } = (await read(order).validate({ id: 'x', lines: [{ n: 1.5 }], more: 1 })) as {
      issues: string
    }
    expect(issues).toContain('id: String does not match pattern.')
    expect(issues).toContain('lines[0].n: Instance type "number" is invalid. Expected "integer".')
    expect(issues).toContain('more')
  })

  it('follows references, conditions and the draft that the schema names', async () => {
    const tree = {
      $defs: {
        node: { type: 'object', properties: { next: { $ref: '#/$defs/node' } }, additionalProperties: false },
      },
      $ref: '#/$defs/node',
    }
    expect(await read(tree).validate({ next: { next: {} } })).toHaveProperty('value')
    expect(await read(tree).validate({ next: { nest: {} } })).toHaveProperty('issues')
    const either = {
      type: 'object',
      if: { properties: { kind: { const: 'a' } } },
      then: { required: ['a'] },
    }
    expect(await read(either).validate({ kind: 'a' })).toHaveProperty('issues')
    const $schema = 'http://json-schema.org/draft-07/schema#'
    const pair = {
      $schema,
      type: 'object',
      properties: { pair: { items: [{ type: 'string' }, { type: 'number' }] } },
    }
    expect(await read(pair).validate({ pair: ['x', 'y'] })).toHaveProperty('issues')
    expect(await read(pair).validate({ pair: ['x', 1] })).toHaveProperty('value')
  })

  it.each([
    ['a reference to nothing', { type: 'object', properties: { a: { $ref: '#/$defs/none' } } }],
    ['a bad pattern', { type: 'object', properties: { a: { type: 'string', pattern: '(' } } }],
  ])('rejects for %s', async (_, schema) => {
    await expect(read(schema).validate({ a: 'x' })).rejects.toMatchObject({
      code: 'ERR_OPENCODE_INVALID_OPTIONS',
      message: expect.stringContaining('turn input output: the JSON Schema cannot be used') as string,
    })
  })
})

describe('schemaInput refuses', () => {
  it.each([
    ['valibot', '@valibot/to-json-schema'],
    ['zod', 'zod 4.2'],
    ['arktype', 'toJsonSchema'],
    ['effect', 'Schema.toStandardJSONSchemaV1()'],
    ['other', 'plain JSON Schema'],
  ])('a schema of %s without JSON Schema, and names its converter', (vendor, converter) => {
    const message = refusal(bare(vendor))
    expect(message).toContain(
      `Invalid turn input output: expected a schema that gives JSON Schema, got one of ${vendor}`,
    )
    expect(message).toContain(converter)
  })

  it('a schema that JSON Schema cannot express, with the reason of its library', () => {
    expect(refusal(z.object({ at: z.date() }))).toMatch(/^Invalid turn input output: .* zod: Date cannot be/)
  })

  it.each([
    ['a text', 'object', 'got a string'],
    ['nothing', null, 'got null'],
    ['a list', [], 'got a list'],
    ['a function', () => undefined, 'got a function'],
    ['an object that is no schema', { a: z.string() }, 'does not say type: "object"'],
    ['the schema of a list', z.array(z.string()), 'got the schema of type array'],
    ['the schema of a text', { type: 'string' }, 'got the schema of type string'],
  ])('%s', (_, schema, reason) => {
    expect(refusal(schema)).toContain(reason)
  })

  it('an object that JSON cannot represent', () => {
    const circular: Record<string, unknown> = { type: 'object' }
    circular['not'] = circular
    expect(refusal(circular)).toContain('an object that JSON cannot represent')
  })
})
