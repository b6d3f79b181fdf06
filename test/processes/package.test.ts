import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { builtinModules } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { execa } from 'execa'
import ts from 'typescript'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { buildPackage } from '../support/built-cli.ts'
import { linkPackages, unpackPackage } from '../support/packed-package.ts'

const project = join(import.meta.dirname, '../..')
let dist: string
beforeAll(async () => {
  dist = await buildPackage()
}, 120_000)
afterAll(() => rm(dirname(dist), { recursive: true, force: true }))

/** Returns the names in the static imports and exports of a module. */
function importsOf(code: string): string[] {
  const { statements } = ts.createSourceFile('module.js', code, ts.ScriptTarget.Latest)
  return statements.flatMap((statement) =>
    (ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement)) &&
    statement.moduleSpecifier &&
    ts.isStringLiteral(statement.moduleSpecifier)
      ? [statement.moduleSpecifier.text]
      : [],
  )
}

/** Returns the files that `file` loads by static imports, including itself, and the packages among them. */
async function loads(file: string, seen = new Set<string>()): Promise<Set<string>> {
  if (seen.has(file)) return seen
  seen.add(file)
  if (!/\.m?js$/.test(file)) return seen
  for (const name of importsOf(await readFile(file, 'utf8')))
    await loads(name.startsWith('.') ? resolve(file, '..', name) : name, seen)
  return seen
}

async function loadedBy(entry: string) {
  const all = [...(await loads(join(dist, entry)))]
  return {
    files: all.filter((name) => name.startsWith(dist)).map((name) => relative(dist, name)),
    packages: all.filter((name) => !name.startsWith(dist) && !name.startsWith('node:')).sort(),
    builtins: all.filter((name) => name.startsWith('node:')).sort(),
  }
}

describe('importing the built package', () => {
  it('loads few files, and neither an HTTP client nor modules that start processes', async () => {
    const { files, packages, builtins } = await loadedBy('index.js')
    expect(files.sort()).toEqual(['base.js', 'core.js', 'index.js'])
    expect(packages).toEqual(['eventsource-parser', 'rxjs', 'xstate'])
    // The packages that take longest to load.
    for (const late of ['node:child_process', 'node:crypto', 'node:http', 'node:net'])
      expect(builtins).not.toContain(late)
  })

  it('loads no package of NATS for the entry of the cluster, until a host joins', async () => {
    const { packages } = await loadedBy('cluster/index.js')
    expect(packages).toEqual(['eventsource-parser', 'rxjs', 'xstate'])
  })

  it('loads no package for --version, and only commander before a command runs', async () => {
    expect((await loadedBy('cli.js')).packages).toEqual([])
    expect((await loadedBy('program.js')).packages).toEqual(['commander'])
  })
})

describe('the built package', () => {
  const filesOf = async (ending: RegExp) =>
    (await readdir(dist, { recursive: true }))
      .filter((name) => ending.test(name))
      .map((name) => join(dist, name))
  const manifest = async () =>
    JSON.parse(await readFile(join(project, 'package.json'), 'utf8')) as Record<
      string,
      Record<string, string>
    >

  it('imports only packages that are its dependencies', async () => {
    const { dependencies, peerDependencies } = await manifest()
    // Opencode's own runtime, a Bun, runs the program that copies a database.
    const given = new Set([
      ...Object.keys({ ...dependencies, ...peerDependencies }),
      ...builtinModules,
      'bun:sqlite',
    ])
    const anyImport = /(?:(?<!\.)\bfrom|\bimport|\brequire)\s*\(?\s*["']([a-z@][^"'\n]*)["']/g
    for (const file of await filesOf(/\.m?js$/)) {
      const code = (await readFile(file, 'utf8')).replace(/^\s*(?:\/?\*|\/\/).*$/gm, '')
      for (const [, name = ''] of code.matchAll(anyImport)) {
        const [first = '', second] = name.replace(/^node:/, '').split('/')
        const known = [first, `${first}/${second ?? ''}`].some((part) => given.has(part))
        expect(known, `${relative(dist, file)} imports ${name}`).toBe(true)
      }
    }
  })

  it('contains the licences of bundled code', async () => {
    const files = await filesOf(/\.m?js$/)
    const code = (await Promise.all(files.map((file) => readFile(file, 'utf8')))).join('\n')
    const others = code.matchAll(/^\/\/ .*node_modules\/((?:@[^/\n]+\/)?[^/\n]+)/gm)
    // The package itself is below node_modules here.
    const names = new Set([...others].map(([, name = '']) => name).filter((name) => name !== '.cache'))
    expect(names).toEqual(new Set(['@hono/node-server', 'hono', 'leven', 'yaml', 'zod']))
    for (const name of names)
      expect(await readFile(join(dist, `${name.replace('/', '-')}.LICENSE.txt`), 'utf8')).toMatch(
        /MIT License[^]*Copyright|Copyright[^]*Permission to use, copy, modify/,
      )
  })
})

describe('the packed package with only its own dependencies', () => {
  let user: string
  beforeAll(async () => {
    user = await mkdtemp(join(tmpdir(), 'opencode-runtime-user-'))
    await linkPackages([...(await unpackPackage(dist, user)), '@types/node', 'typescript'], user)
    await writeFile(join(user, 'package.json'), '{ "type": "module" }')
  }, 120_000)
  afterAll(() => rm(user, { recursive: true, force: true }))

  const settings = {
    module: 'NodeNext',
    target: 'ES2022',
    lib: ['ES2023', 'ESNext.Disposable'],
    strict: true,
  }

  it('has types that compile without skipLibCheck', async () => {
    await writeFile(
      join(user, 'user.ts'),
      `import { OpenCodeServer, serverMachine, type Fleet, type Reply } from 'opencode-runtime'
       import { createGateway, type Gateway } from 'opencode-runtime/gateway'
       import { fakeOpenCode } from 'opencode-runtime/testing'
       import { createActor } from 'xstate'
       export const gateway = (fleet: Fleet): Gateway => createGateway({ fleet })
       const server = new OpenCodeServer({ home: '/h', proxy: { baseURL: 'http://h/v1', apiKey: 'k' }, models: ['m'] })
       server.turn$('x').subscribe((reply: Reply) => console.log(reply.kind))
       export const state: string = createActor(serverMachine, { input: null as never }).getSnapshot().status
       export const fake = fakeOpenCode({ crashAfterMs: 5 })
       // @ts-expect-error: a misspelt option is an error
       new OpenCodeServer({ hom: '/h' })`,
    )
    const config = { compilerOptions: { ...settings, noEmit: true, skipLibCheck: false, types: ['node'] } }
    await writeFile(join(user, 'tsconfig.json'), JSON.stringify({ ...config, files: ['user.ts'] }))
    const { all } = await execa('tsc', ['-p', user], {
      localDir: project,
      preferLocal: true,
      all: true,
      reject: false,
    })
    expect(all).toBe('')
  })

  it('runs a turn on its own fake opencode, and prints its version', async () => {
    await writeFile(
      join(user, 'user.mjs'),
      `import { OpenCodeServer } from 'opencode-runtime'
       import { fakeOpenCode } from 'opencode-runtime/testing'
       const fake = await fakeOpenCode()
       const proxy = { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'sk-123456789' }
       const server = new OpenCodeServer({ home: process.argv[2], proxy, models: ['m'], binary: fake.binary })
       const last = await server.turn('Say hello').done
       await server.close()
       await fake.stop()
       console.log(last.kind)`,
    )
    const home = join(user, 'home')
    onTestFinished(() => rm(home, { recursive: true, force: true }))
    const run = async (...args: string[]) => (await execa(process.execPath, args)).stdout
    expect(await run(join(user, 'user.mjs'), home)).toBe('final')
    const cli = join(user, 'node_modules/opencode-runtime/dist/cli.js')
    expect(await run(cli, '--version')).toMatch(/^\d+\.\d+\.\d+$/)
  })

  it('says what to install for a cluster', async () => {
    await writeFile(
      join(user, 'cluster.mjs'),
      `import { Fleet } from 'opencode-runtime'
       import { joinCluster } from 'opencode-runtime/cluster'
       const proxy = { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'sk-123456789' }
       const fleet = new Fleet({ dataDir: process.argv[2], defaults: { proxy, models: ['m'] } })
       const connect = () => Promise.reject(new Error('not reached'))
       await joinCluster({ fleet, connect, name: 'prod' }).catch(({ code, message }) => console.log(code, message))
       await fleet.close()`,
    )
    const dataDir = join(user, 'fleet')
    onTestFinished(() => rm(dataDir, { recursive: true, force: true }))
    const { stdout } = await execa(process.execPath, [join(user, 'cluster.mjs'), dataDir])
    expect(stdout).toMatch(
      /^ERR_OPENCODE_INVALID_OPTIONS .*npm install @nats-io\/transport-node @nats-io\/jetstream/,
    )
    const file = join(user, 'fleet.json')
    await writeFile(file, JSON.stringify({ cluster: { name: 'prod', servers: '127.0.0.1:4222' } }))
    const cli = join(user, 'node_modules/opencode-runtime/dist/cli.js')
    const check = await execa(process.execPath, [cli, 'serve', '--config', file, '--check'], {
      reject: false,
    })
    expect([check.exitCode, check.stderr]).toEqual([
      3,
      expect.stringMatching(/npm install libsql.*\n.*npm install @nats-io/) as string,
    ])
  })
})
