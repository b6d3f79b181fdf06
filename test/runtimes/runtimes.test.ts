import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { lastReply, onFake, userFolder, worked, type UserFolder } from '../support/bundled-app.ts'
import { withNext } from './next.ts'
import { linkRuntimes, writePrograms } from './programs.ts'
import { webpackBundle } from './webpack.ts'

const runtimes = inject('runtimes') ?? ''
const bin = (name: string): string => join(runtimes, 'node_modules/.bin', name)

let user: UserFolder | undefined
beforeAll(async () => {
  if (runtimes === '') return
  user = await userFolder()
  await linkRuntimes(runtimes, user.path)
  await writePrograms(user.path)
}, 120_000)
afterAll(() => user?.remove())

const folder = (): string => user?.path ?? ''

describe.skipIf(runtimes === '')('a program with the lowest accepted peers', () => {
  it('has exactly the lowest versions', async () => {
    const { peerDependencies } = await manifest('opencode-runtime')
    for (const name of ['rxjs', 'xstate'])
      expect(`^${(await manifest(name)).version}`).toBe(peerDependencies?.[name])
  })

  it.each([
    ['Node', [process.execPath, 'app.mjs']],
    ['Bun', [bin('bun'), 'app.mjs']],
    ['Deno', [bin('deno'), 'run', '--allow-all', 'app.mjs']],
    ['Node with tsx', [bin('tsx'), 'app.mjs']],
    ['Node with tsx, registered by the program', [process.execPath, 'tsx.cjs']],
  ] as const)('runs a turn on %s', async (_, command) => {
    expect(await lastReply(command, folder())).toMatchObject(worked)
  })

  it('runs a turn in Jest', async () => {
    const jest = join(runtimes, 'node_modules/jest/bin/jest.js')
    const { all } = await onFake((TEST_HOME, TEST_BINARY) =>
      execa(process.execPath, ['--experimental-vm-modules', jest, '--config', 'jest.config.json'], {
        cwd: folder(),
        env: { TEST_HOME, TEST_BINARY },
        all: true,
      }),
    )
    expect(all).toMatch(/Tests: +1 passed, 1 total/)
  })
})

describe.skipIf(runtimes === '')('a bundle that contains the package', () => {
  it('builds without a warning and runs a turn (webpack)', async () => {
    const { file, messages } = await webpackBundle(folder(), runtimes)
    expect(messages).toEqual([])
    expect(await lastReply([process.execPath, file], folder())).toMatchObject(worked)
  })

  it('runs a turn in a route of Next, built with webpack', async () => {
    const last = await withNext(folder(), (baseURL) =>
      onFake(async (home, binary) => {
        const query = new URLSearchParams({ home, binary }).toString()
        const response = await fetch(`${baseURL}/turn?${query}`)
        return response.json()
      }),
    )
    expect(last).toMatchObject(worked)
  })
})

async function manifest(name: string) {
  const text = await readFile(join(folder(), 'node_modules', name, 'package.json'), 'utf8')
  return JSON.parse(text) as { version: string; peerDependencies?: Record<string, string> }
}
