import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { execa } from 'execa'
import { fakeOpenCode } from '../../src/testing/index.ts'
import { buildPackage } from './built-cli.ts'
import { expectNothingLeft, tempHome } from './home.ts'
import { linkPackages, unpackPackage } from './packed-package.ts'

/** Folder of a user's program, with the packed package installed. */
export interface UserFolder {
  path: string
  remove(): Promise<void>
}

/**
 * Program of a user, which runs a turn and prints its last reply. Arguments: the home and the binary. The last
 * expression works in CommonJS too, which has no top-level await.
 */
const program = `
async function main([home, binary]) {
  const proxy = { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'sk-bundled-0123456789' }
  const server = new OpenCodeServer({ home, proxy, models: ['m'], binary })
  const last = await server.turn('Say hello').done
  await server.close()
  console.log(JSON.stringify(last))
}
main(process.argv.slice(2))
`

/** Packs the package, and creates a folder with the package, its dependencies and a program (`app.mjs`, `app.cjs`). */
export async function userFolder(): Promise<UserFolder> {
  const dist = await buildPackage()
  const path = await mkdtemp(join(tmpdir(), 'opencode-runtime-user-'))
  await linkPackages(await unpackPackage(dist, path), path)
  await rm(dirname(dist), { recursive: true, force: true })
  await writeFile(join(path, 'package.json'), '{ "name": "user", "type": "module" }')
  await writeFile(join(path, 'app.mjs'), `import { OpenCodeServer } from 'opencode-runtime'${program}`)
  await writeFile(join(path, 'app.cjs'), `const { OpenCodeServer } = require('opencode-runtime')${program}`)
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}

/**
 * Runs a program on a fake opencode, and returns its last reply.
 *
 * @param command - Program and arguments; the home and the binary are appended.
 */
export const lastReply = (command: readonly [string, ...string[]], cwd: string): Promise<unknown> =>
  onFake(async (home, binary) => {
    const [file, ...args] = command
    const { stdout } = await execa(file, [...args, home, binary], { cwd, timeout: 50_000 })
    return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as unknown
  })

/** Calls a function with a home and the binary of a fake opencode. Asserts that no process is left behind. */
export async function onFake<T>(act: (home: string, binary: string) => Promise<T>): Promise<T> {
  const fake = await fakeOpenCode()
  const home = tempHome()
  try {
    return await act(home, fake.binary)
  } finally {
    await fake.stop()
    await expectNothingLeft(home)
  }
}

/** Reply of a turn on a fake opencode that worked. */
export const worked = { kind: 'final', content: 'Hello world' }

/** Returns the reply of a turn that a bundle prevents. The message names the cause and the way out. */
export const refused = (cause: string) => ({
  kind: 'error',
  code: 'server_unavailable',
  retryable: false,
  error: `The server is not available: ${cause}. ${wayOut}`,
})

const wayOut = 'opencode-runtime is part of a bundle: mark opencode-runtime as external in the bundler.'
