import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildPackage } from '../support/built-cli.ts'
import { expectNothingLeft, tempHome } from '../support/home.ts'
import { hostProgram } from '../support/host.ts'
import { neededPackages, type Manifest } from '../support/packed-package.ts'
import { standIn } from '../support/stand-in.ts'

const installed = fileURLToPath(new URL('../../node_modules', import.meta.url))

let installation: string
beforeAll(async () => {
  installation = mkdtempSync(join(tmpdir(), 'opencode-runtime-test-'))
  const built = await buildPackage()
  install(built)
}, 120_000)
afterAll(() => rmSync(installation, { recursive: true, force: true }))

/** Installs the built package, with copies of all its dependencies, into a folder of its own. */
function install(built: string): void {
  const modules = join(installation, 'node_modules')
  const own = join(modules, 'opencode-runtime')
  mkdirSync(own, { recursive: true })
  cpSync(built, join(own, 'dist'), { recursive: true })
  cpSync(join(dirname(built), 'package.json'), join(own, 'package.json'))
  for (const name of dependenciesOf(join(own, 'package.json')))
    cpSync(join(installed, name), join(modules, name), { recursive: true })
}

/** Returns the names of all packages that a package needs, directly and indirectly. */
function dependenciesOf(file: string, found = new Set<string>()): Set<string> {
  for (const name of neededPackages(JSON.parse(readFileSync(file, 'utf8')) as Manifest)) {
    if (found.has(name)) continue
    found.add(name)
    dependenciesOf(join(installed, name, 'package.json'), found)
  }
  return found
}

/** Runs a host while a part of its `node_modules` is away, and returns the host's reports. */
async function updatedHost(moment: string, part = '') {
  const home = tempHome()
  const modules = join(installation, 'node_modules')
  const dist = join(modules, 'opencode-runtime/dist')
  const options = {
    home,
    binary: standIn('well-behaved'),
    proxy: { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'sk-host-test-key' },
    models: ['gpt-4o'],
    backoffInitialMs: 10,
    startTimeoutMs: 20_000,
    maxRestarts: 1,
  }
  const args = [hostProgram('updated'), dist, JSON.stringify(options), moment, join(modules, part)]
  const { stdout, stderr } = await execa(process.execPath, args, { timeout: 60_000 })
  expect(stderr).toBe('')
  await expectNothingLeft(home)
  return stdout.split('\n').map((line) => JSON.parse(line) as unknown)
}

describe('a host whose packages are updated under it', () => {
  it.each(['after the first server was made', 'after the first start'])(
    'starts its server and runs turns if the packages disappear %s',
    async (moment) => {
      expect(await updatedHost(moment)).toEqual([
        { start: 'ok' },
        { turn: 'final' },
        { restart: 'ok', restarts: 1 },
        { turn: 'final' },
      ])
    },
  )

  it.each([
    'undici',
    'undici/lib/dispatcher/client.js',
    'execa',
    'execa/lib/methods/main-async.js',
    'get-port',
    'rotating-file-stream/dist/esm/index.js',
    'opencode-runtime/dist/home-lock.js',
  ])('starts its server when %s is back, if the first server was created without it', async (part) => {
    const [away, , ...rest] = await updatedHost('before the first server', part)
    expect(away).toMatchObject({ away: expect.stringMatching(/^(HostFault|RestartLimit)Error$/) as string })
    expect(rest).toEqual([{ back: 'ok' }, { turn: 'final' }])
  })
})
