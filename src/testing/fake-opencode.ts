import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { OpenCodeRuntimeError } from '../errors.ts'
import { bundleAdvice, isBundled } from '../own-package.ts'
import { checkFaults, type FakeFaults } from './fake-faults.ts'
import type { FakeConfig } from './fake-opencode/types.ts'
import { toPlayed, type FakeRule } from './fake-script.ts'

/** Options of {@link fakeOpenCode}. */
export interface FakeOpenCodeOptions {
  /**
   * Script of the model behind the fake. A prompt without a rule is played by its leading keywords
   * (`docs/guides/testing.md`). A prompt without keywords is answered with `Hello world`.
   */
  script?: readonly FakeRule[]
}

/** Start of a fake, as `serve`. */
export interface FakeStart {
  pid: number
  port: number
  /** Arguments of the process, without node's own. */
  argv: readonly string[]
  /** Time in epoch ms. */
  at: number
}

/** Request that a fake received, including rejected requests. */
export interface FakeRequest {
  pid: number
  /** Time in epoch ms. */
  at: number
  method: string
  /** Path and query of the request. */
  url: string
  /** Directory that the request concerns. */
  directory: string
  /** `true` if the password was correct. */
  authorized: boolean
  /** Parsed JSON. For a body longer than 64 Ki characters, only the length. */
  body?: unknown
}

/** Fake opencode binary. */
export interface FakeOpenCode extends AsyncDisposable {
  /** Path for the option `binary` of a server. */
  readonly binary: string
  /** Starts so far, in order. */
  readonly starts: readonly FakeStart[]
  /** Requests so far, in order. */
  readonly requests: readonly FakeRequest[]
  /** Makes every later start wait before it listens, so that a test can inspect a starting server. */
  hold(): void
  /** Lets starts continue, including waiting starts. */
  release(): void
  /**
   * Ends all remaining processes of the fake within about 100 ms and removes the binary. Safe to call twice.
   */
  stop(): Promise<void>
}

/**
 * Time limit of `stop` for processes to end, in ms. A process may be suspended, or its pid may already belong
 * to another process.
 */
const stopTimeoutMs = 2_000

/**
 * Creates a stand-in for the opencode binary: a small executable that starts in about ten ms and fails as
 * configured.
 * The fake speaks the part of the protocol of `opencode serve`, in the version of
 * `fake-opencode/util.mjs`, that this package uses. Sessions are
 * stored in the home of the starting process, so they outlive a crash. `bash`, `read`, `write` and `edit` really
 * run; no other tool runs, and no model is called.
 *
 * The executable is a script whose first line names this process's Node, so a POSIX system is required.
 *
 * @param faults - The faults of every start, or a list: of the first start, of the second …; the last entry
 * applies to all later starts.
 * @param options - Script of the fake's model.
 * @returns The fake. Stop it after the servers that use it are closed.
 * @throws TypeError for an unknown fault.
 * @throws Error on Windows.
 *
 * @example
 * import { OpenCodeServer } from 'opencode-runtime'
 * import { fakeOpenCode } from 'opencode-runtime/testing'
 *
 * const script = [{ match: 'hello', reply: { text: 'Hi' } }]
 * await using fake = await fakeOpenCode([{ crashAfterMs: 30_000 }, {}], { script })
 * await using server = new OpenCodeServer({
 *   home: '/srv/agents/a1',
 *   proxy: { baseURL: 'http://127.0.0.1:4000/v1', apiKey: process.env['AGENT_KEY'] ?? '' },
 *   models: ['gpt-4o'],
 *   binary: fake.binary,
 * })
 * console.log(await server.turn('hello').done)
 */
export async function fakeOpenCode(
  faults: FakeFaults | readonly FakeFaults[] = {},
  options: FakeOpenCodeOptions = {},
): Promise<FakeOpenCode> {
  const all = [faults].flat()
  checkFaults(all)
  if (process.platform === 'win32')
    throw new Error(
      'fakeOpenCode needs a POSIX system, because its executable is a script. Run these tests in WSL.',
    )
  return Promise.resolve(makeFake(all, options))
}

function makeFake(faults: readonly FakeFaults[], options: FakeOpenCodeOptions): FakeOpenCode {
  const program = programURL()
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'fake-opencode-')))
  const [binary, startsFile, requestsFile, holdFile] = [
    'opencode',
    'starts.jsonl',
    'requests.jsonl',
    'hold',
  ].map((name) => join(folder, name)) as [string, string, string, string]
  const script = (options.script ?? []).map(toPlayed)
  writeExecutable(binary, program, { faults, script, startsFile, requestsFile, holdFile, lifeline: binary })
  const seen = { starts: [] as FakeStart[], requests: [] as FakeRequest[] }
  const read = () => {
    seen.starts = readLines<FakeStart>(startsFile)
    seen.requests = readLines<FakeRequest>(requestsFile)
  }
  const end = async (): Promise<void> => {
    read()
    rmSync(folder, { recursive: true, force: true })
    await untilEnded(seen.starts.map(({ pid }) => pid))
  }
  let stopped: Promise<void> | undefined
  const stop = () => (stopped ??= end())
  const current = () => {
    if (!stopped) read()
    return seen
  }
  return {
    binary,
    get starts() {
      return current().starts
    },
    get requests() {
      return current().requests
    },
    hold: () => {
      if (!stopped) writeFileSync(holdFile, '')
    },
    release: () => rmSync(holdFile, { force: true }),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/**
 * Returns the URL of the fake's program, beside this file both in the source and in the build.
 * @throws OpenCodeRuntimeError in a bundle, which lacks the program
 */
function programURL(): string {
  if (isBundled()) throw new OpenCodeRuntimeError(`The fake opencode has no program. ${bundleAdvice}.`)
  const here = import.meta.url
  return new URL('./fake-opencode/main.mjs', here).href
}

/**
 * Interpreter for the script's first line: this process's Node. A first line cannot contain a path with a
 * blank.
 */
const interpreter = /\s/.test(process.execPath) ? '/usr/bin/env node' : process.execPath

/**
 * Writes the launcher, which contains the fake's config. A launcher is needed because npm makes only a
 * package's bins executable.
 */
function writeExecutable(file: string, program: string, config: FakeConfig): void {
  const lines = [
    `#!${interpreter}`,
    `import(${JSON.stringify(program)}).then(({ run }) => run(${JSON.stringify(config)}))`,
  ]
  writeFileSync(file, `${lines.join('\n')}\n`)
  chmodSync(file, 0o700)
}

function readLines<T>(file: string): T[] {
  if (!existsSync(file)) return []
  const lines = readFileSync(file, 'utf8').split('\n')
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as T)
}

/** Waits until the processes have ended. Each process exits by itself when its binary is removed. */
async function untilEnded(pids: readonly number[]): Promise<void> {
  const end = Date.now() + stopTimeoutMs
  while (pids.some(isAlive) && Date.now() < end) await sleep(20)
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
