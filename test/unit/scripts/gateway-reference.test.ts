import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { format } from 'prettier'
import { gatewayPage } from '../../../scripts/reference/gateway.mjs'
import { configJsonSchema } from '../../../src/gateway/config/json-schema.ts'
import { createGateway } from '../../../src/gateway/index.ts'
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

  it('is in schema/fleet.schema.json as the schema of the config file says it', async () => {
    const schema = await format(JSON.stringify(configJsonSchema()), { parser: 'json' })
    const shown = await format(read('schema/fleet.schema.json'), { parser: 'json' })
    expect(JSON.parse(shown), 'run: npm run reference').toEqual(JSON.parse(schema))
  })
})
