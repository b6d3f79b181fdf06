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
import { checkFaults, type FakeFaults } from './fake-faults.ts'
import type { FakeConfig } from './fake-opencode/types.ts'
import { toPlayed, type FakeRule } from './fake-script.ts'

/** Options of {@link fakeOpenCode}. */
export interface FakeOpenCodeOptions {
  /**
   * What the model behind the fake answers, by the prompt. A prompt without a rule is played by the keywords it begins
   * with (`docs/guides/testing.md`), and answered `Hello world` without any.
   */
  script?: readonly FakeRule[]
}

/** One start of a fake, as `serve`. */
export interface FakeStart {
  pid: number
  port: number
  /** Its arguments, without node's own. */
  argv: readonly string[]
  /** Epoch ms. */
  at: number
}

/** One request that a fake got, refused ones included. */
export interface FakeRequest {
  pid: number
  /** Epoch ms. */
  at: number
  method: string
  /** Path and query. */
  url: string
  /** The directory that it is about. */
  directory: string
  /** Whether it had the right password. */
  authorized: boolean
  /** The parsed JSON; of a body beyond 64 Ki characters only its length. */
  body?: unknown
}

/** A fake opencode binary. */
export interface FakeOpenCode extends AsyncDisposable {
  /** For the option `binary` of a server. */
  readonly binary: string
  /** What was started so far, in order. */
  readonly starts: readonly FakeStart[]
  /** What it was asked so far, in order. */
  readonly requests: readonly FakeRequest[]
  /** From now on a start waits before it listens, so that a test may look at its server while it starts. */
  hold(): void
  /** Starts go on, those that wait too. */
  release(): void
  /** Ends what still runs of it, within some 100 ms, and removes the binary. Safe to call twice. */
  stop(): Promise<void>
}

/** How long `stop` waits for processes to end: one may be stopped, or its pid another's by now. */
const patienceMs = 2_000

/**
 * Makes a stand-in for the opencode binary: a small executable that speaks the part of the protocol of `opencode serve`
 * 1.18.33 that this package uses, starts in some ten ms, and goes wrong as it is told. It keeps its sessions in the home
 * of who starts it, so they outlive a crash; `bash` and `read` really run, nothing else does, and no model is asked.
 *
 * `faults` are those of every start, or a list: of the first start, of the second …, the last of all later ones.
 *
 * For POSIX systems: the executable is a script with a first line that names this process's Node. Rejects with a
 * `TypeError` for a fault that it does not know, and with an `Error` on Windows.
 *
 * @example
 * await using fake = await fakeOpenCode([{ crashAfterMs: 500 }, {}], { script: [{ match: 'hello', reply: { text: 'Hi' } }] })
 * const server = new OpenCodeServer({ home, proxy, models, binary: fake.binary })
 */
export async function fakeOpenCode(
  faults: FakeFaults | readonly FakeFaults[] = {},
  options: FakeOpenCodeOptions = {},
): Promise<FakeOpenCode> {
  const all = [faults].flat()
  checkFaults(all)
  if (process.platform === 'win32')
    throw new Error('fakeOpenCode needs a POSIX system: its executable is a script. Run these tests in WSL')
  return Promise.resolve(makeFake(all, options))
}

function makeFake(faults: readonly FakeFaults[], options: FakeOpenCodeOptions): FakeOpenCode {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'fake-opencode-')))
  const [binary, startsFile, requestsFile, holdFile] = [
    'opencode',
    'starts.jsonl',
    'requests.jsonl',
    'hold',
  ].map((name) => join(folder, name)) as [string, string, string, string]
  const script = (options.script ?? []).map(toPlayed)
  writeExecutable(binary, { faults, script, startsFile, requestsFile, holdFile, lifeline: binary })
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

/** The fake's own program: beside this file as source and as built. */
const program = new URL('./fake-opencode/main.mjs', import.meta.url)

/** This process's Node; a first line can hold no blank. */
const interpreter = /\s/.test(process.execPath) ? '/usr/bin/env node' : process.execPath

/** A launcher, because npm makes no file of a package executable but its bins; and its config travels in it. */
function writeExecutable(file: string, config: FakeConfig): void {
  const lines = [
    `#!${interpreter}`,
    `import(${JSON.stringify(program.href)}).then(({ run }) => run(${JSON.stringify(config)}))`,
  ]
  writeFileSync(file, `${lines.join('\n')}\n`)
  chmodSync(file, 0o700)
}

function readLines<T>(file: string): T[] {
  if (!existsSync(file)) return []
  const lines = readFileSync(file, 'utf8').split('\n')
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as T)
}

/** The processes end of themselves once their binary has gone. */
async function untilEnded(pids: readonly number[]): Promise<void> {
  const end = Date.now() + patienceMs
  while (pids.some(isAlive) && Date.now() < end) await sleep(20)
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
