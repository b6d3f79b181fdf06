import { rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { buildPackage } from '../support/built-cli.ts'
import { examplesOf, runExample } from '../support/doc-examples.ts'

it('the example of docs/guides/testing.md with a scripted model runs against the built package', async () => {
  const examples = examplesOf('guides/testing.md').filter((code) => code.includes('startScriptedModel'))
  expect(examples).toHaveLength(1)
  const dist = await buildPackage()
  onTestFinished(() => rmSync(dirname(dist), { recursive: true, force: true }))
  for (const code of examples) await runExample(code, dist)
})
