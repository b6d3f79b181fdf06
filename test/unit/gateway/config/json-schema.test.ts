import { Validator } from '@cfworker/json-schema'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { configJsonSchema } from '../../../../src/gateway/config/json-schema.ts'

const isValid = (text: string): boolean =>
  new Validator(configJsonSchema(), '2020-12').validate(parse(text)).valid

describe('the JSON Schema of a config file', () => {
  test('accepts texts and references', () => {
    expect(isValid('defaults: { proxy: { base_url: http://127.0.0.1/v1, api_key: { env: KEY } } }')).toBe(
      true,
    )
    expect(
      isValid('agents: [{ id: a1, env: { A: { file: a.txt } }, models: [{ env: M }, { id: x }] }]'),
    ).toBe(true)
    expect(isValid('listen: 127.0.0.1:0\ngateway: { allowed_hosts: [{ env: HOST }] }')).toBe(true)
  })

  test('refuses misspelled and mistyped fields', () => {
    expect(isValid('agent: []')).toBe(false)
    expect(isValid('agents: [{ id: a1, turn_deadline_ms: soon }]')).toBe(false)
    expect(isValid('agents: [{ id: a1, env: { A: { env: B, file: C } } }]')).toBe(false)
    expect(isValid('agents: [{ id: a1, on_permission: sometimes }]')).toBe(false)
  })

  test('takes no reference for the name of a key', () => {
    expect(JSON.stringify(configJsonSchema())).not.toMatch(/"propertyNames":\{"anyOf"/)
  })
})
