// OpenAPI document and JSON Schema of the built package, for the reference.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describedConfigSchema } from './config-schema.mjs'

const dist = new URL('../../dist/', import.meta.url)
const modules = new URL('../../build/', import.meta.url)

/** Returns the OpenAPI document of the built gateway. */
export async function openApiOfBuild() {
  const dataDir = await mkdtemp(join(tmpdir(), 'opencode-runtime-reference-'))
  const { Fleet } = await import(new URL('index.js', dist).href)
  const { createGateway } = await import(new URL('gateway/index.js', dist).href)
  const fleet = new Fleet({ dataDir })
  const gateway = createGateway({ fleet, insecureNoAuth: true })
  try {
    await gateway.ready
    const answer = await gateway.fetch(new globalThis.Request('http://localhost/v1/openapi.json'))
    return /** @type {import('./gateway.mjs').Json} */ (await answer.json())
  } finally {
    await gateway.close()
    await fleet.close()
    await rm(dataDir, { recursive: true, force: true })
  }
}

/** Returns the JSON Schema of the config file. */
export async function configSchema() {
  const { configJsonSchema } = await import(new URL('gateway/config/json-schema.js', modules).href)
  const { wireTexts } = await import(new URL('gateway/schemas/wire-texts.js', modules).href)
  return JSON.stringify(describedConfigSchema(configJsonSchema(), wireTexts))
}
