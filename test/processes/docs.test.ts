import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { OpenCodeServer } from '../../src/index.ts'
import { fakeOpenCode, type FakeOpenCode } from '../../src/testing/index.ts'
import { allExamples, examplesOf, type Example } from '../support/doc-examples.ts'
import { makeDocProject, typeErrorsOf } from '../support/doc-project.ts'
import { isOfReal, isRun, onlyChecked, runExample } from '../support/doc-run.ts'

const examples = allExamples()
let folder: string
beforeAll(async () => {
  folder = await makeDocProject()
}, 120_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('the programs of the docs and docstrings', () => {
  it('hold to the types of the packed package', async () => {
    expect(examples.length).toBeGreaterThan(25)
    expect(await typeErrorsOf(examples, folder)).toEqual([])
  })

  it('are all run, except those that are listed', () => {
    const left = examples.filter((example) => !isRun(example)).map(({ page }) => page)
    expect(left).toEqual(onlyChecked.map(({ page }) => page))
  })
})

it('the programs of a page import each other by the names in their first lines', async () => {
  const fence = '```'
  const page = `${fence}ts
// lib/text.ts
import { isTerminal } from 'opencode-runtime'
export const text: string = typeof isTerminal
${fence}
${fence}ts
import { text } from './lib/text.ts'
console.log(text)
${fence}`
  const programs = examplesOf('page.md', page)
  expect(programs.map(({ file }) => file)).toEqual(['lib/text.ts', '7.ts'])
  expect(await typeErrorsOf(programs, folder)).toEqual([])
  for (const program of programs.slice(1))
    expect((await runExample(program, folder, { beside: programs })).stdout).toBe('function')
})

describe('a program that does not hold to the types', () => {
  const page = (code: string) => `# A page\n\n\`\`\`ts\n${code}\n\`\`\`\n`
  const errorsOf = (text: string) => typeErrorsOf(examplesOf('page.md', text), folder)

  it('is told by its page and line', async () => {
    const [error] = await errorsOf(
      page("import { connect } from 'opencode-runtime'\n\nconnect({ baseUrl: '' })"),
    )
    expect(error).toMatch(/^page\.md:6: .*'baseUrl' does not exist in type 'ConnectOptions'/)
  })

  it('continues the program before it if it has no import', async () => {
    const first = page("import { isTerminal } from 'opencode-runtime'\nconst a = 1")
    expect(await errorsOf(first + page('isTerminal(a)'))).toEqual([
      expect.stringMatching(/^page\.md:10: Argument of type 'number'/),
    ])
  })

  it('names the package that is not installed', async () => {
    expect(
      await errorsOf(page("import 'no-types'\nimport { x } from 'not-a-dependency/sub'\nx()")),
    ).toContain(
      "page.md:5: the package of 'not-a-dependency/sub' is not installed: add it (or its types) to the devDependencies",
    )
  })
})

describe('with a fake opencode on the PATH', () => {
  let fake: FakeOpenCode
  let remote: OpenCodeServer
  beforeAll(async () => {
    fake = await fakeOpenCode()
    remote = new OpenCodeServer({
      home: join(folder, 'remote-home'),
      proxy: { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'sk-fake-test-0123456789' },
      models: ['gpt-4o'],
      binary: fake.binary,
      password: false,
    })
    await remote.ensureRunning()
  })
  afterAll(async () => {
    await remote.close()
    await fake.stop()
  })

  const programs = examples.filter((example) => isRun(example) && !isOfReal(example))
  it.concurrent.each(programs.map((example) => [`${example.page}:${example.line}`, example] as const))(
    '%s runs, and its turns do not fail',
    async (_place, example) => {
      const world = {
        beside: examples.filter(({ page }) => page === example.page),
        binaries: dirname(fake.binary),
        ...(remote.baseURL !== undefined && { remote: remote.baseURL }),
      }
      const { stdout, stderr } = await runExample(example, folder, world)
      expect(stderr).toBe('')
      expect(stdout).not.toContain("kind: 'error'")
    },
    120_000,
  )

  it('the recipe for hot reload gives each evaluation of the module the same server', async () => {
    const page = 'docs/guides/next-and-hot-reload.md'
    const [reloads] = examplesOf(
      page,
      `\`\`\`js
import { OpenCodeServer } from 'opencode-runtime'

const [first, second] = [await import('./lib/agents.js?1'), await import('./lib/agents.js?2')]
const { kind } = await first.agents().turn('Say hello').done
const again = { home: '/srv/agents/a1', proxy: { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'sk-x' }, models: ['m'] }
const { error } = await new OpenCodeServer(again).turn('Say hello').done
const [named] = /docs\\/\\S+\\.md/.exec(error) ?? []
console.log(JSON.stringify({
  isEvaluatedTwice: first.agents !== second.agents,
  isSameServer: first.agents() === second.agents(),
  kind,
  named,
}))
await second.agents().close()
\`\`\``,
    )
    const beside = examples.filter((example) => example.page === page)
    const world = { beside, binaries: dirname(fake.binary) }
    const { stdout } = await runExample(reloads as Example, folder, world)
    expect(JSON.parse(stdout)).toEqual({
      isEvaluatedTwice: true,
      isSameServer: true,
      kind: 'final',
      named: page,
    })
  })
})
