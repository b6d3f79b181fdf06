import { once } from 'node:events'
import { createWriteStream, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { stripVTControlCharacters } from 'node:util'
import { execa, type Options } from 'execa'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { Reply } from '../../src/index.ts'
import { startScriptedModel, type ScriptedModel } from '../../src/testing/index.ts'
import { buildCli } from '../support/built-cli.ts'
import { expectNothingLeft, tempHome } from '../support/home.ts'
import { standIn } from '../support/stand-in.ts'
import { hasTerminals, runInTerminal } from '../support/terminal.ts'

const key = 'sk-cli-test-0123456789'
// The binary of this repository, whatever the machine has installed.
const binary = join(import.meta.dirname, '../../node_modules/opencode-ai/bin/opencode.exe')
const long = 'x'.repeat(1_000_000)

const which = {
  ...{ question: 'Which?', header: 'pick', multiple: true },
  options: ['A', 'B'].map((label) => ({ label, description: `the ${label}` })),
}

let cli: string
let model: ScriptedModel

beforeAll(async () => {
  cli = await buildCli()
  model = await startScriptedModel([
    { match: 'Say hello', reply: { reasoning: 'hm', text: ['Hello', ' world'] } },
    { match: 'at length', reply: { text: ['begin ', long, ' end'] } },
    { match: 'wrong key', reply: { error: { status: 401, message: `Incorrect API key provided: ${key}` } } },
    {
      match: 'sleep',
      reply: { toolCalls: [{ name: 'bash', args: { command: 'sleep 300', description: 'sleeps' } }] },
    },
    {
      match: 'ask for all',
      reply: [
        { toolCalls: [{ name: 'read', args: { filePath: '/etc/hostname' } }] },
        { toolCalls: [{ name: 'question', args: { questions: [which] } }] },
        { text: 'done' },
      ],
    },
    { match: 'trickle', reply: { text: Array.from({ length: 600 }, (_, i) => `${i}\n`), chunkDelayMs: 50 } },
  ])
})

afterAll(async () => {
  await model.stop()
})

/** Starts the command, and ends it when the test finishes; then no process of its home may be left. */
function start(args: readonly string[], home: string, options: Options = {}) {
  const child = execa('node', [cli, ...args], {
    reject: false,
    stripFinalNewline: false,
    env: { OPENCODE_RUNTIME_API_KEY: key },
    ...options,
  })
  let stderr = ''
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await child
    await expectNothingLeft(home, stderr.match(/http:\/\/127\.0\.0\.1:\d+(?=\s)/g) ?? [])
  })
  return { child, stderr: () => stderr }
}

function run(
  prompt: string[],
  { flags = [], options = {}, file = binary }: { flags?: string[]; options?: Options; file?: string } = {},
) {
  const home = tempHome()
  const needed = ['--home', home, '--proxy', model.baseURL, '--model', 'gpt-4o', '--binary', file]
  return start(['run', ...prompt, ...needed, ...flags], home, options)
}

async function until(isTrue: () => boolean): Promise<void> {
  for (let i = 0; i < 1_200 && !isTrue(); i++) await sleep(50)
  expect(isTrue()).toBe(true)
}

describe('opencode-runtime run', () => {
  it('writes the answer to stdout and everything else to stderr', async () => {
    const { child } = run(['Say hello'])
    const { stdout, stderr, exitCode } = await child
    expect({ stdout, exitCode }).toEqual({ stdout: 'Hello world\n', exitCode: 0 })
    expect(stderr).toMatch(
      /configuring[^]*spawning[^]*probing[^]*healthy[^]*reasoning +hm[^]*final +stop[^]*idle/,
    )
    expect(stderr).toMatch(/--session ses_\w+/)
    expect(stripVTControlCharacters(String(stderr))).toBe(stderr)
  })

  it('writes all replies with --json, one per line, also to a slow reader', async () => {
    const options: Options = { input: 'Tell me at length\n', buffer: { stdout: false, stderr: true } }
    const { child } = run([], { flags: ['--json', '--trace-id', 't1'], options })
    const chunks: string[] = []
    const { stdout } = child
    if (!stdout) throw new Error('no stdout')
    for await (const chunk of stdout) {
      if (chunks.length < 20) await sleep(50)
      chunks.push(String(chunk))
    }
    expect((await child).exitCode).toBe(0)
    const replies = chunks
      .join('')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Reply)
    expect(replies.every(({ trace_id }) => trace_id === 't1')).toBe(true)
    const ids = new Set(replies.map((reply) => (reply as { session_id?: string }).session_id))
    expect([...ids]).toEqual([expect.stringMatching(/^ses_\w+$/)])
    expect(replies.at(-1)).toMatchObject({ kind: 'final', content: `begin ${long} end` })
    expect(replies.flatMap((reply) => (reply.kind === 'delta' ? reply.content : [])).join('')).toBe(
      `begin ${long} end`,
    )
  })

  it('exits with 1 after a failed turn, and shows no key in the error', async () => {
    const { child } = run(['wrong key'], { flags: ['--quiet'] })
    const { stdout, stderr, exitCode } = await child
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 1 })
    expect(stderr).toMatch(/^ +[\d.]+s ✘ error +auth: Incorrect API key provided: \*\*\*\n$/)
  })

  it('exits with 130 after SIGINT while a tool runs, and leaves no process', async () => {
    const { child, stderr } = run(['sleep'])
    await until(() => stderr().includes('$ sleep 300'))
    child.kill('SIGINT')
    const { exitCode } = await child
    expect(exitCode).toBe(130)
    expect(stderr()).toMatch(/error +cancelled[^]*reaping[^]*idle/)
  })

  it('cancels the turn without an error if the reader leaves early', async () => {
    const { child, stderr } = run(['trickle'])
    await new Promise((resolve) => child.stdout?.once('data', resolve))
    child.stdout?.destroy()
    const { exitCode } = await child
    expect(exitCode).toBe(0)
    expect(stderr()).not.toMatch(/EPIPE|at .*\.js/)
    expect(stderr()).toMatch(/reaping[^]*idle/)
  })

  it.skipIf(process.platform !== 'linux')('cancels the turn and exits with 5 on a full disk', async () => {
    const full = createWriteStream('/dev/full')
    onTestFinished(() => void full.destroy())
    await once(full, 'open')
    const { child, stderr } = run(['trickle'], { options: { stdout: full } })
    expect((await child).exitCode).toBe(5)
    expect(stderr()).toMatch(
      /reaping[^]*idle[^]*--session ses_\w+\nerror: the answer could not be written to stdout: no space left on device \(ENOSPC\)\n$/,
    )
  })

  it('exits with 2 without a key, before any start', async () => {
    const { child } = run(['Say hello'], { options: { env: { OPENCODE_RUNTIME_API_KEY: '' } } })
    const { stdout, stderr, exitCode } = await child
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 2 })
    expect(stderr).toMatch(/^error: no API key: export OPENCODE_RUNTIME_API_KEY=.*\n$/)
  })
})

describe.skipIf(!hasTerminals)('opencode-runtime run, with a person at the terminal', () => {
  const ask = async (typing: [string, string][]) => {
    const home = tempHome()
    const flags = `--home ${home} --proxy ${model.baseURL} --model gpt-4o --binary ${binary}`
    const line = `node ${cli} run "ask for all" ${flags} --permission ask --question ask`
    const result = await runInTerminal(line, typing, { OPENCODE_RUNTIME_API_KEY: key })
    await expectNothingLeft(home, result.shown.match(/http:\/\/127\.0\.0\.1:\d+(?=\s)/g) ?? [])
    return result
  }

  it('asks for a permission and a question, and passes the answers on', async () => {
    const { shown, exitCode } = await ask([
      ['[o/a/r] ', 'once\n'],
      ['or /reject: ', '1,2\n'],
    ])
    expect(exitCode).toBe(0)
    expect(shown).toMatch(/asks for the permission external_directory\n\? +pattern: \/etc\/\*\n/)
    expect(shown).toMatch(
      /✔ read [^]*asks: Which\?\n\? +1: A \(the A\)\n[^]*✔ question .*"Which\?"="A, B"[^]*done/,
    )
  })

  it('cancels the turn by Ctrl-C, and leaves no process', async () => {
    const { exitCode, shown } = await ask([['[o/a/r] ', '\u0003']])
    expect(exitCode).toBe(130)
    expect(shown).toMatch(/error +cancelled[^]*reaping[^]*idle/)
  })
})

describe('opencode-runtime run on a stand-in', () => {
  it('exits with 3 and shows the last output of a server that does not start', async () => {
    const { child } = run(['hi'], { file: standIn('exits-early') })
    const { stdout, stderr, exitCode } = await child
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 3 })
    expect(stderr).toMatch(/error +server_unavailable[^]*│ Error: cannot start/)
  })

  it('kills a server that ignores SIGTERM immediately after a second signal', async () => {
    const { child, stderr } = run(['hi'], { file: standIn('ignores-sigterm') })
    await until(() => stderr().includes('healthy'))
    child.kill('SIGTERM')
    await until(() => stderr().includes('reaping'))
    await sleep(400)
    const at = Date.now()
    child.kill('SIGTERM')
    expect((await child).exitCode).toBe(143)
    // Without the second signal, SIGKILL would follow after 5 s.
    expect(Date.now() - at).toBeLessThan(3_000)
  })
})

describe('opencode-runtime demo', () => {
  it('shows a whole turn, exits with 0, and removes its home', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'opencode-runtime-cli-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const { child } = start(['demo', 'What now?'], folder, { env: { TMPDIR: folder } })
    const { stdout, stderr, exitCode } = await child
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 })
    expect(stdout).toMatch(
      /healthy[^]*reasoning +They ask[^]*▸ bash +\$ uname[^]*✔ bash +\w+[^]*reply +You asked: “What now\?”/,
    )
    expect(stdout).toMatch(/final +stop, .* out, .*tokens, \$0\.\d+[^]*idle[^]*✔ Done\..*1 final/)
    const home = /home +(\S+)/.exec(String(stdout))?.[1] ?? ''
    expect(home.startsWith(folder)).toBe(true)
    expect(existsSync(home)).toBe(false)
    expect(readdirSync(folder).filter((name) => name.includes('demo'))).toEqual([])
    await expectNothingLeft(home)
  })
})
