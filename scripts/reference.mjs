// Writes the tables of docs/reference that repeat the docstrings of src, the reference of the gateway from its OpenAPI
// document, and the JSON Schema of the config file. Needs a build.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import { filled, pages } from './reference/tables.mjs'
import { gatewayPage } from './reference/gateway.mjs'
import { configSchema, openApiOfBuild } from './reference/build.mjs'

for (const page of pages) writeFileSync(page, filled(readFileSync(page, 'utf8')))
writeFileSync(new URL('../docs/reference/gateway.md', import.meta.url), gatewayPage(await openApiOfBuild()))
const schemaFile = fileURLToPath(new URL('../schema/fleet.schema.json', import.meta.url))
const style = await resolveConfig(schemaFile)
writeFileSync(schemaFile, await format(await configSchema(), { ...style, parser: 'json' }))
