import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** Test of a user, as an ES module for Jest. The environment has the home and the binary. */
const jestTest = `
import { OpenCodeServer } from 'opencode-runtime'

test('runs a turn', async () => {
  const { TEST_HOME: home, TEST_BINARY: binary } = process.env
  const proxy = { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'sk-jest-0123456789' }
  const server = new OpenCodeServer({ home, proxy, models: ['m'], binary })
  const last = await server.turn('Say hello').done
  await server.close()
  expect(last).toMatchObject({ kind: 'final', content: 'Hello world' })
})
`

/** Route of a Next app. The query has the home and the binary. */
const nextRoute = `
import { OpenCodeServer } from 'opencode-runtime'

export const dynamic = 'force-dynamic'
export async function GET(request) {
  const { home, binary } = Object.fromEntries(new URL(request.url).searchParams)
  const proxy = { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'sk-next-0123456789' }
  const server = new OpenCodeServer({ home, proxy, models: ['m'], binary })
  const last = await server.turn('Say hello').done
  await server.close()
  return Response.json(last)
}
`

const nextLayout = 'export default ({ children }) => <html><body>{children}</body></html>\n'

/** Writes the programs of the runtimes into a user's folder. */
export async function writePrograms(folder: string): Promise<void> {
  const programs = {
    'turn.test.mjs': jestTest,
    'tsx.cjs': "require('tsx/cjs/api').register()\nrequire('./app.cjs')\n",
    'jest.config.json': JSON.stringify({
      testEnvironment: 'node',
      testMatch: ['**/*.test.mjs'],
      transform: {},
    }),
    'app/turn/route.js': nextRoute,
    'app/layout.js': nextLayout,
  }
  for (const [name, text] of Object.entries(programs)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
}

/** Links the packages that the tests name, with the lowest peers, into the `node_modules` of a user's folder. */
export async function linkRuntimes(runtimes: string, folder: string): Promise<void> {
  const text = await readFile(join(runtimes, 'package.json'), 'utf8')
  const { dependencies } = JSON.parse(text) as { dependencies: Record<string, string> }
  for (const name of Object.keys(dependencies)) {
    const link = join(folder, 'node_modules', name)
    await rm(link, { force: true })
    await symlink(join(runtimes, 'node_modules', name), link)
  }
  await writeFile(
    join(folder, 'package.json'),
    JSON.stringify({
      name: 'user',
      type: 'module',
      dependencies: { ...dependencies, 'opencode-runtime': '*' },
    }),
  )
}
