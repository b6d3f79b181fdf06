import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { execa } from 'execa'
import type { Example } from './doc-examples.ts'
import { writeRunnable } from './doc-project.ts'

/** Programs that are type-checked but not run, each by its page and a part of its code. */
export const onlyChecked = [
  { page: 'docs/explanation/comparison.md', part: 'export declare const shop', reason: 'declares an app' },
  { page: 'docs/explanation/comparison.md', part: 'hostTools: {', reason: 'a function of that app' },
  { page: 'docs/guides/gateway.md', part: 'const start = () =>', reason: 'a client, which needs a gateway' },
  { page: 'docs/guides/gateway.md', part: 'port: 7420', reason: 'serves a fixed port until SIGTERM' },
  {
    page: 'docs/guides/host-tools-webhooks.md',
    part: 'lookup_order({ id }, context)',
    reason: 'serves until a signal; webhook-examples.test.ts runs the program',
  },
  { page: 'docs/guides/http-sse.md', part: 'http.listen(8080', reason: 'serves a fixed port until SIGTERM' },
  { page: 'docs/guides/isolating-tenants.md', part: 'uid: 20_001', reason: 'needs a host that runs as root' },
  { page: 'docs/guides/isolating-tenants.md', part: 'spawn: sandbox(home)', reason: 'needs bubblewrap' },
  { page: 'docs/guides/nest-and-angular.md', part: 'class Agents', reason: 'a provider, which Nest creates' },
  {
    page: 'docs/guides/nest-and-angular.md',
    part: '@Controller(',
    reason: 'a controller, which Nest creates',
  },
  {
    page: 'docs/guides/nest-and-angular.md',
    part: 'EventSourceParserStream',
    reason: 'a client, for a browser',
  },
  {
    page: 'docs/guides/next-and-hot-reload.md',
    part: "Symbol.for('my-app",
    reason: 'a module of a Next app',
  },
  { page: 'docs/guides/next-and-hot-reload.md', part: 'maxDuration', reason: 'a route of a Next app' },
  { page: 'docs/guides/next-and-hot-reload.md', part: 'NEXT_RUNTIME', reason: 'a hook of a Next app' },
  { page: 'docs/guides/next-and-hot-reload.md', part: 'import.meta.hot', reason: 'a module of a Vite app' },
  { page: 'docs/guides/permissions.md', part: 'http.listen(8080', reason: 'serves a fixed port' },
] as const

/** Returns whether a program runs in the tests. */
export const isRun = ({ page, code }: Example): boolean =>
  !onlyChecked.some((each) => each.page === page && code.includes(each.part))

/** Returns whether a program needs the real opencode, because its model is scripted. */
export const isOfReal = ({ code }: Example): boolean => code.includes('startScriptedModel')

/** Address of the server of others that the pages connect to. */
const remoteURL = 'http://127.0.0.1:4096'

/** World of a program that runs. */
interface World {
  /** Programs of the same page, which the program may import. */
  beside?: readonly Example[]
  /** Folder of an `opencode` that is found first. */
  binaries?: string
  /** Address of a server without a password. */
  remote?: string
}

/**
 * Runs a program under plain node, and returns what it printed. Rejects if the program fails. The folder `/srv` of
 * the pages is a temporary one, with a directory to work in.
 */
export async function runExample(example: Example, folder: string, world: World = {}) {
  const { beside = [], binaries = [], remote = remoteURL } = world
  const place = await mkdtemp(join(folder, 'place-'))
  try {
    await mkdir(join(place, 'srv/repos/shop'), { recursive: true })
    await writeFile(join(place, 'srv/repos/shop/chart.png'), 'a chart')
    const placed = (code: string) => code.replaceAll("'/srv/", `'${place}/srv/`).replaceAll(remoteURL, remote)
    const write = (each: Example) => writeRunnable({ ...each, code: placed(each.code) }, place)
    for (const each of beside) await write(each)
    const env = {
      PATH: [binaries, process.env['PATH'] ?? ''].flat().join(delimiter),
      TMPDIR: place,
      AGENT_KEY: 'sk-docs-0123456789',
      NEW_AGENT_KEY: 'sk-docs-9876543210',
      OPENCODE_SERVER_PASSWORD: 'not-asked-for',
    }
    const options = { cwd: place, env, extendEnv: false, timeout: 120_000 } as const
    const { stdout, stderr } = await execa(process.execPath, [await write(example)], options)
    return { stdout, stderr }
  } finally {
    await rm(place, { recursive: true, force: true })
  }
}
