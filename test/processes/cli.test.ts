import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { holderOf } from '../../src/io/home/home-lock.ts'
import { fakeOpenCode, type FakeRule } from '../../src/testing/index.ts'
import { movesCursor } from '../support/cli-streams.ts'
import { buildCli } from '../support/built-cli.ts'
import { expectNothingLeft, tempHome } from '../support/home.ts'
import { hasTerminals, runInTerminal, type Typing } from '../support/terminal.ts'

let cli: string

beforeAll(async () => {
  cli = await buildCli()
}, 120_000)

const asked = ['Which?', 'What else?'].map((question, i) => ({
  ...{ question, header: 'q', multiple: i === 1 },
  options: ['A', 'B', 'C'].map((label) => ({ label, description: '' })),
}))
const script: FakeRule[] = [
  { match: 'hello', reply: { text: ['Hello', ' world'] } },
  {
    match: 'ask much',
    reply: [{ toolCalls: [{ name: 'question', args: { questions: asked } }] }, { text: 'done' }],
  },
]

/**
 * Returns the environment of a shell line in which `cli` is the command, `run` a turn on a fake opencode, and `flags` the
 * flags of that turn; and a function that asserts that no process is left.
 */
async function stage(more: Record<string, string>) {
  const home = tempHome()
  const fake = await fakeOpenCode({}, { script })
  onTestFinished(() => fake.stop())
  const flags = `--home ${home} --proxy http://127.0.0.1:9/v1 --model gpt-4o --binary ${fake.binary}`
  const env = {
    OPENCODE_RUNTIME_API_KEY: 'sk-cli-test-0123456789',
    cli: `${process.execPath} ${cli}`,
    run: `${process.execPath} ${cli} run hello ${flags}`,
    flags,
    ...more,
  }
  const finish = async (): Promise<void> => {
    await expectNothingLeft(home)
    expect(holderOf(home)).toBeUndefined()
  }
  return { env, finish }
}

/** Runs a shell line; asserts that no process is left. */
async function shell(line: string, more: Record<string, string> = {}) {
  const { env, finish } = await stage(more)
  const options = { reject: false, stripFinalNewline: false, env } as const
  const { stdout, stderr, exitCode } = await execa('sh', ['-c', line], options)
  await finish()
  return { stdout, stderr, exitCode }
}

/** Runs a shell line in a terminal, and types; asserts that no process is left. */
async function type(line: string, typing: readonly Typing[], more: Record<string, string> = {}) {
  const { env, finish } = await stage(more)
  const result = await runInTerminal(line, typing, env)
  await finish()
  return result
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

describe.skipIf(!hasTerminals)('run, with a person at the terminal', () => {
  const choose = '[o/a/r] '
  const permit = '$cli run permission $flags --permission ask'

  it('asks for a permission until the answer is valid, and then goes on', async () => {
    const { shown, exitCode } = await type(permit, [
      [choose, 'maybe\n'],
      [choose, 'once\n'],
    ])
    expect(exitCode).toBe(0)
    expect(shown).toMatch(
      /The agent asks for the permission external_directory\n\? {3}pattern: \/etc\/\*\n\? {3}filepath: \/etc\/hostname\n/,
    )
    expect(shown).toMatch(
      /maybe\n\? Type once, always or reject\.\n[^]*external_directory \/etc\/\* → once\n[^]*✔ read/,
    )
    expect(shown).toContain('Hello world')
  })

  it('passes the message of a rejection to the model', async () => {
    const { shown, exitCode } = await type(permit, [
      [choose, 'r\n'],
      ['(Enter for none): ', 'Not that file.\n'],
    ])
    expect(exitCode).toBe(0)
    expect(shown).toMatch(/✘ read .*feedback: Not that file\./)
  })

  it('asks one permission at a time, and not those that an earlier answer covers', async () => {
    const { shown, exitCode } = await type('$cli run permissions $flags --permission ask', [
      [choose, 'always\n'],
      [choose, 'once\n'],
    ])
    expect(exitCode).toBe(0)
    expect(shown).toMatch(/\/etc\/\* → always[^]*\/proc\/\* → once/)
    expect(shown.match(/✔ read/g)).toHaveLength(3)
  })

  it('asks questions: numbers, labels and own texts', async () => {
    const { shown, exitCode } = await type('$cli run "ask much" $flags --question ask', [
      ['or /reject: ', 'something else\n'],
      ['or /reject: ', '1, C\n'],
    ])
    expect(exitCode).toBe(0)
    expect(shown).toMatch(/asks: Which\?\n\? {3}1: A\n/)
    expect(shown).toMatch(/✔ question .*"Which\?"="something else", "What else\?"="A, C"/)
  })

  it('keeps stdout pure with --json', async () => {
    const file = join(tempHome(), 'lines')
    const { shown, exitCode } = await type(`${permit} --json --quiet >"$file"`, [[choose, 'o\n']], { file })
    expect(exitCode).toBe(0)
    expect(shown).not.toContain('"kind"')
    const kinds = readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { kind: string }).kind)
    expect(kinds).toEqual(['tool_call', 'tool_result', 'delta', 'delta', 'final'])
  })

  it('drops a line that was typed before the request was shown', async () => {
    const { shown, exitCode } = await type('$cli run "slow:1500 permission" $flags --permission ask', [
      ['healthy', 'once\n'],
      [choose, 'reject\n'],
      ['(Enter for none): ', '\n'],
    ])
    expect(exitCode).toBe(0)
    expect(shown).toMatch(/✘ read .*rejected/)
  })

  it('cancels the turn by Ctrl-C, and leaves no process', async () => {
    const { shown, exitCode } = await type(permit, [[choose, '\u0003']])
    expect(exitCode).toBe(130)
    expect(shown).toMatch(/closed without an answer here\n[^]*error +cancelled/)
  })

  it('rejects by Ctrl-D', async () => {
    const { shown, exitCode } = await type(permit, [[choose, '\u0004']])
    expect(exitCode).toBe(0)
    expect(shown).toMatch(/→ reject\n[^]*✘ read/)
  })

  it('needs the prompt as an argument', async () => {
    const { shown, exitCode } = await type('$cli run - $flags --permission ask', [])
    expect(exitCode).toBe(2)
    expect(shown).toMatch(
      /^error: --permission ask or --question ask reads the answers from stdin: give the prompt/,
    )
  })
})

describe('run --permission ask without a terminal', () => {
  it.each(['$cli run hi $flags --permission ask', '$cli run hi $flags --question ask'])(
    'exits with 2 before any start, and says what to do: %s',
    async (line) => {
      const { stdout, stderr, exitCode } = await shell(`${line} </dev/null`)
      expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 2 })
      expect(stderr).toBe(
        'error: --permission ask or --question ask needs a terminal for stdin and stderr: run the command on one, or choose another answer than ask\n',
      )
    },
  )
})
