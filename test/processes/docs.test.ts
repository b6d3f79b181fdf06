import { rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildPackage } from '../support/built-cli.ts'
import { examplesOf, runExample } from '../support/doc-examples.ts'

const examples = ['guides/testing.md', 'guides/testing-models.md']
  .flatMap(examplesOf)
  .filter((code) => code.includes('fakeOpenCode'))
let dist: string
beforeAll(async () => {
  dist = await buildPackage()
}, 120_000)
afterAll(() => rmSync(dirname(dist), { recursive: true, force: true }))

describe('the examples of the docs with a fake opencode', () => {
  it('are three', () => expect(examples).toHaveLength(3))
  it.each(examples.map((code, i) => [i, code] as const))('run against the built package: %s', (_, code) =>
    runExample(code, dist),
  )
})
