import { describe, expect, expectTypeOf, it } from 'vitest'
import { z } from 'zod'
import { compileOptions, type OpenCodeServerOptions } from '../../../src/config/options.ts'
import { changeOptions } from '../../../src/config/compiled-options.ts'
import { hostTool, type HostTool, type HostToolCall, type TurnInput } from '../../../src/index.ts'

const description = 'Finds an order.'
const input = z.object({ id: z.string(), count: z.number().default(1) })
const execute = () => 'so'

describe('hostTool', () => {
  it('infers the input of the function from the schema, and passes the call', () => {
    const tool = hostTool({
      ...{ description, input },
      execute: (order, call) => {
        expectTypeOf(order).toEqualTypeOf<{ id: string; count: number }>()
        expectTypeOf(call).toEqualTypeOf<HostToolCall>()
        return order.id
      },
    })
    expectTypeOf(tool).toEqualTypeOf<HostTool>()
    hostTool({
      ...{ description, input: { type: 'object', properties: {} } },
      execute: (order) => {
        expectTypeOf(order).toBeUnknown()
      },
    })
    hostTool({
      description,
      input,
      // @ts-expect-error the schema has no such field
      execute: ({ nothing }) => nothing as unknown,
    })
    expectTypeOf<TurnInput['context']>().toBeUnknown()
    expectTypeOf<OpenCodeServerOptions['hostTools']>().toEqualTypeOf<
      Readonly<Record<string, HostTool>> | undefined
    >()
  })

  it('has a time limit of two minutes, and asks for no permission, unless the definition says so', () => {
    expect(hostTool({ description, input, execute })).toMatchObject({ timeoutMs: 120_000, ask: false })
    expect(hostTool({ description, input, execute, timeoutMs: 1, ask: true })).toMatchObject({
      timeoutMs: 1,
      ask: true,
    })
  })

  it('gives the model the JSON Schema of what the schema takes', () => {
    expect(hostTool({ description, input, execute }).input.jsonSchema).toMatchObject({
      type: 'object',
      properties: { id: { type: 'string' }, count: { type: 'number', default: 1 } },
      required: ['id'],
    })
  })

  it.each([
    ['description', { description: '' }, 'a text that is not empty'],
    ['execute', { execute: 'so' }, 'a function'],
    ['ask', { ask: 'yes' }, 'true or false'],
    ['timeoutMs', { timeoutMs: 0 }, 'a whole number of milliseconds'],
    ['timeoutMs', { timeoutMs: 2 ** 31 }, 'a whole number of milliseconds'],
    ['input', { input: undefined }, 'a Standard Schema that gives JSON Schema'],
    ['input', { input: z.string() }, 'the schema of an object'],
  ])('refuses a bad %s', (field, bad, expected) => {
    const make = () => hostTool({ description, input, execute, ...bad } as Parameters<typeof hostTool>[0])
    expect(make).toThrow(expect.objectContaining({ code: 'ERR_OPENCODE_INVALID_OPTIONS' }) as Error)
    expect(make).toThrow(new RegExp(`host tool ${field}: expected ${expected}`))
  })

  it('names the converter of a schema that gives no JSON Schema', () => {
    const bare = { '~standard': { version: 1, vendor: 'valibot', validate: (value: unknown) => ({ value }) } }
    const definition = { description, input: bare, execute } as unknown as Parameters<typeof hostTool>[0]
    expect(() => hostTool(definition)).toThrow('@valibot/to-json-schema')
  })
})

const options = {
  home: '/srv/a1',
  proxy: { baseURL: 'http://127.0.0.1:4000/v1', apiKey: 'sk-x' },
  models: ['m'],
}
const tool = hostTool({ description, input, execute })
const compile = (hostTools: unknown) => compileOptions({ ...options, hostTools } as OpenCodeServerOptions)

describe('the option hostTools', () => {
  it.each(['a', 'lookup_order', 'Look-up', 'x'.repeat(58)])('takes the name %s', (name) => {
    expect(compile({ [name]: tool }).values.hostTools).toEqual({ [name]: tool })
  })

  it.each(['', 'look up', 'ä', 'x'.repeat(59)])('refuses the name "%s"', (name) => {
    expect(() => compile({ [name]: tool })).toThrow(/expected a name of 1 to 58 letters, digits, _ and -/)
  })

  it('names a bad name, and not the tool', () => {
    expect(() => compile({ 'look up': tool })).toThrow(
      /^Invalid option hostTools: expected a name of 1 to 58 letters, digits, _ and -, got "look up"$/,
    )
    expect(() => compile({ ['x'.repeat(200)]: tool })).toThrow(/got "x{76}\.\.\.$/)
  })

  it('refuses what hostTool() did not make', () => {
    expect(() => compile({ look: { description, input, execute } })).toThrow(
      /hostTools\.look: expected what hostTool\(\) returns/,
    )
  })

  it('is changed by another function only', () => {
    const before = compile({ look: tool })
    expect(changeOptions(before, { hostTools: { look: tool } }, 1)).toBeUndefined()
    const other = hostTool({ description, input, execute: () => 'other' })
    expect(changeOptions(before, { hostTools: { look: other } }, 1)?.values.hostTools['look']).toBe(other)
    expect(changeOptions(before, { hostTools: {} }, 1)?.values.hostTools).toEqual({})
  })
})
