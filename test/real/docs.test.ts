import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { allExamples } from '../support/doc-examples.ts'
import { makeDocProject } from '../support/doc-project.ts'
import { isOfReal, isRun, runExample } from '../support/doc-run.ts'

const programs = allExamples().filter((example) => isRun(example) && isOfReal(example))
let folder: string
beforeAll(async () => {
  folder = await makeDocProject(true)
}, 120_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

it('there are programs with a scripted model', () => expect(programs.length).toBeGreaterThan(1))

it.each(programs.map((example) => [`${example.page}:${example.line}`, example] as const))(
  '%s runs with a scripted model against the packed package',
  async (_place, example) => {
    const { stderr } = await runExample(example, folder)
    expect(stderr).toBe('')
  },
)
