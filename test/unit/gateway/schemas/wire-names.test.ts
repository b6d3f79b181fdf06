import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { agentSchema } from '../../../../src/config/fleet-schema.ts'
import {
  fieldNames,
  fromWire,
  snakeCase,
  toWire,
  wireSchema,
} from '../../../../src/gateway/schemas/wire-names.ts'
import { specFields } from '../../../../src/gateway/schemas/spec.ts'

const spec = {
  id: 'a1',
  proxy: { baseURL: 'http://127.0.0.1/v1', apiKey: 'k', providerId: 'p' },
  models: [
    'gpt',
    { id: 'm', contextTokens: 5, cost: { input: 1, output: 1, cacheRead: 1 }, options: { topP: 1 } },
  ],
  env: { someName: 'x' },
  config: { someKey: { innerKey: 1 } },
  labels: { someLabel: 'y' },
  trustProjectConfig: true,
}

describe('names of the wire', () => {
  it.each([
    ['baseURL', 'base_url'],
    ['apiKey', 'api_key'],
    ['providerId', 'provider_id'],
    ['memoryMb', 'memory_mb'],
    ['trustProjectConfig', 'trust_project_config'],
    ['id', 'id'],
  ])('snakeCase makes %s to %s', (name, wire) => expect(snakeCase(name)).toBe(wire))

  it('rename a spec at every depth, but no keys of data, and back', () => {
    const wire = toWire(agentSchema(), spec)
    expect(wire).toEqual({
      id: 'a1',
      proxy: { base_url: 'http://127.0.0.1/v1', api_key: 'k', provider_id: 'p' },
      models: [
        'gpt',
        { id: 'm', context_tokens: 5, cost: { input: 1, output: 1, cache_read: 1 }, options: { topP: 1 } },
      ],
      env: { someName: 'x' },
      config: { someKey: { innerKey: 1 } },
      labels: { someLabel: 'y' },
      trust_project_config: true,
    })
    expect(fromWire(agentSchema(), wire)).toEqual(spec)
    expect(wireSchema(agentSchema()).safeParse(wire).success).toBe(true)
    expect(wireSchema(agentSchema()).safeParse(spec).success).toBe(false)
  })

  it('reach every field of a spec, so that none is written twice', () => {
    const names = fieldNames(agentSchema())
    expect(Object.keys(specFields()).sort()).toEqual(Object.keys(agentSchema().shape).map(snakeCase).sort())
    expect(new Set(names.map(snakeCase)).size).toBeLessThanOrEqual(new Set(names).size)
    for (const name of Object.keys(specFields())) expect(name).toMatch(/^[a-z][a-z0-9_]*$/)
  })

  it('leave out defaults and conversions, so that a checked value is the value as it was given', () => {
    const schema = wireSchema(
      z.strictObject({ aB: z.int().default(3), cD: z.string().transform(Number).optional() }),
    )
    expect(schema.parse({})).toEqual({})
    expect(schema.parse({ c_d: '5' })).toEqual({ c_d: '5' })
  })
})
