import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { gatewayPage } from '../../../scripts/reference/gateway.mjs'
import { describedConfigSchema } from '../../../scripts/reference/config-schema.mjs'
import { configJsonSchema } from '../../../src/gateway/config/json-schema.ts'
import { createGateway } from '../../../src/gateway/index.ts'
import { wireTexts } from '../../../src/gateway/schemas/wire-texts.ts'
import { Fleet } from '../../../src/index.ts'
import { tempHome } from '../../support/home.ts'

const read = (file: string) => readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8')

describe('what `npm run reference` writes of the gateway', () => {
  it('is in docs/reference/gateway.md as the OpenAPI document says it', async () => {
    await using fleet = new Fleet({ dataDir: tempHome() })
    await using gateway = createGateway({ fleet, insecureNoAuth: true })
    await gateway.ready
    const answer = await gateway.fetch(new Request('http://localhost/v1/openapi.json'))
    const page = gatewayPage((await answer.json()) as Record<string, never>)
    expect(read('docs/reference/gateway.md'), 'run: npm run reference').toBe(page)
    expect(page).not.toMatch(/undefined|\[object/)
  })

  it('is in schema/fleet.schema.json as the schema of the config file says it', () => {
    const schema = JSON.stringify(describedConfigSchema(configJsonSchema(), wireTexts))
    expect(JSON.parse(read('schema/fleet.schema.json')), 'run: npm run reference').toEqual(JSON.parse(schema))
  })

  it('describes every field of the config file for editors, with names and defaults of the file', () => {
    const schema = describedConfigSchema(configJsonSchema(), wireTexts)
    const fieldsAt = (...path: string[]) => {
      const found = path.reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], schema)
      return (found as { properties: Record<string, { description?: string; default?: unknown }> }).properties
    }
    const [root, defaults] = [fieldsAt(), fieldsAt('properties', 'defaults')]
    const agents = fieldsAt('properties', 'agents', 'items')
    const gateway = fieldsAt('properties', 'gateway')
    const others = [
      fieldsAt('properties', 'limits'),
      fieldsAt('properties', 'tenants', 'additionalProperties'),
      fieldsAt('properties', 'defaults', 'properties', 'proxy'),
    ]
    for (const fields of [root, defaults, agents, gateway, ...others])
      for (const [name, { description }] of Object.entries(fields)) expect(description, name).toMatch(/\w{3}/)
    expect(defaults['max_restarts']).toMatchObject({ default: 5 })
    expect(agents['max_restarts']).not.toHaveProperty('default')
    expect(agents['tenant']).toMatchObject({ default: 'default' })
    expect(gateway['max_body_bytes']).toMatchObject({ default: 33_554_432 })
    expect(JSON.stringify(schema)).not.toMatch(/\b(maxConcurrentTurns|turnDeadlineMs|contextTokens)\b|@link/)
  })
})
