import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { holderOf } from '../../src/io/home/home-lock.ts'
import { fakeOpenCode } from '../../src/testing/index.ts'
import { movesCursor } from '../support/cli-streams.ts'
import { buildCli } from '../support/built-cli.ts'
import { expectNothingLeft, tempHome } from '../support/home.ts'

/** True if `script` of util-linux is installed, which gives a program a terminal. */
const hasTerminals = spawnSync('script', ['-qec', 'true', '/dev/null']).status === 0
if (!hasTerminals) console.warn('Not tested: what a terminal gets. It needs `script` of util-linux.')

let cli: string

beforeAll(async () => {
  cli = await buildCli()
}, 120_000)
afterAll(() => rmSync(dirname(dirname(cli)), { recursive: true, force: true }))

/** Runs a shell line in which `cli` is the command and `run` a turn on a fake opencode; asserts that no process is left. */
async function shell(line: string, env: Record<string, string> = {}) {
  const home = tempHome()
  const fake = await fakeOpenCode({}, { script: [{ match: 'hello', reply: { text: ['Hello', ' world'] } }] })
  onTestFinished(() => fake.stop())
  const flags = `--home ${home} --proxy http://127.0.0.1:9/v1 --model gpt-4o --binary ${fake.binary}`
  const result = await execa('sh', ['-c', line], {
    reject: false,
    stripFinalNewline: false,
    env: {
      OPENCODE_RUNTIME_API_KEY: 'sk-cli-test-0123456789',
      cli: `${process.execPath} ${cli}`,
      run: `${process.execPath} ${cli} run hello ${flags}`,
      ...env,
    },
  })
  await expectNothingLeft(home)
  expect(holderOf(home)).toBeUndefined()
  const { stdout, stderr, exitCode } = result
  return { stdout, stderr, exitCode }
}

describe.skipIf(process.platform !== 'linux')('an answer that cannot be written', () => {
  it.each([
    ['run', '$run --quiet', 'answer'],
    ['run --json', '$run --quiet --json', 'answer'],
    ['graph', '$cli graph', 'output'],
    ['--version', '$cli --version', 'output'],
    ['doctor', '$cli doctor', 'findings'],
  ])('%s exits with 5 and reports a full disk', async (_what, command, content) => {
    const { stderr, exitCode } = await shell(`${command} >/dev/full`)
    expect(exitCode).toBe(5)
    expect(stderr).toContain(
      `error: the ${content} could not be written to stdout: no space left on device (ENOSPC)\n`,
    )
    expect(stderr).not.toMatch(/\.js:\d|node:/)
  })

  it('exits with 5 if a file takes only a part of the last write', async () => {
    const file = join(tempHome(), 'graph')
    const { stderr, exitCode } = await shell('ulimit -f 1 && $cli graph --all >"$file"', { file })
    expect(exitCode).toBe(5)
    expect(stderr).toBe('error: the output could not be written to stdout: file too large (EFBIG)\n')
  })

  it('exits with 5 if stdout is not open for writing', async () => {
    const { stderr, exitCode } = await shell('$run --quiet 1</dev/null')
    expect(exitCode).toBe(5)
    expect(stderr).toMatch(/bad file descriptor \(EBADF\)\n$/)
  })

  it('exits with 5 if stderr is on the same full disk', async () => {
    expect(await shell('$run >/dev/full 2>&1')).toMatchObject({ stdout: '', stderr: '', exitCode: 5 })
  })

  it('writes the whole answer if only stderr is on a full disk', async () => {
    expect(await shell('$run 2>/dev/full')).toMatchObject({ stdout: 'Hello world\n', exitCode: 0 })
  })

  it.each(['--version', '--help', 'graph', 'doctor'])('exits with 0 if the reader left: %s', async (flag) => {
    const { stderr } = await shell(`{ $cli ${flag}; echo "code $?" >&2; } | true`)
    expect(stderr).toBe('code 0\n')
  })

  it('writes the whole answer to a file, also with stderr in the same file', async () => {
    const file = join(tempHome(), 'answer')
    const { exitCode } = await shell('$run >>"$file" 2>&1 && $cli --version >>"$file"', { file })
    expect(exitCode).toBe(0)
    expect(readFileSync(file, 'utf8')).toMatch(/healthy[^]*Hello world[^]*idle[^]*\n\d+\.\d+\.\d+\n$/)
  })
})

describe('run --json', () => {
  const linesOf = (stdout: string) =>
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { kind: string; session_id?: string })

  it('adds the id of the session to each line, and the next run continues that session', async () => {
    const first = `id=$($run --quiet --json | tee "$lines" | sed -n 's/.*"session_id":"\\([^"]*\\)".*/\\1/p' | head -n 1)`
    const lines = join(tempHome(), 'lines')
    const { stdout, exitCode } = await shell(`${first}; $run --quiet --json --session "$id"`, { lines })
    expect(exitCode).toBe(0)
    const all = [...linesOf(readFileSync(lines, 'utf8')), ...linesOf(stdout)]
    expect(all.map(({ kind }) => kind)).toEqual(['delta', 'delta', 'final', 'delta', 'delta', 'final'])
    expect(all[0]?.session_id).toMatch(/^ses_\w+$/)
    expect(new Set(all.map(({ session_id }) => session_id)).size).toBe(1)
  })

  it('adds no id for a turn without a session', async () => {
    const { stdout, exitCode } = await shell('$run --quiet --json --binary /no/such')
    expect(exitCode).toBe(3)
    expect(linesOf(stdout).map((line) => [line.kind, 'session_id' in line])).toEqual([['error', false]])
  })
})

describe.skipIf(!hasTerminals)('a terminal', () => {
  it.each([
    ['a spinner in a usual terminal', {}, true],
    ['no cursor control with TERM=dumb', { TERM: 'dumb' }, false],
    ['no cursor control with CI', { CI: 'true' }, false],
    ['no cursor control with NO_COLOR', { NO_COLOR: '1' }, false],
  ])('gets %s', async (_what, env, isMoved) => {
    const all = { TERM: 'xterm', CI: '', NO_COLOR: '', FORCE_COLOR: '', ...env }
    const { stdout, exitCode } = await shell('script -qec "$run" /dev/null </dev/null', all)
    expect(exitCode).toBe(0)
    expect(stdout).toContain('Hello world')
    expect(movesCursor(stdout)).toBe(isMoved)
  })
})
