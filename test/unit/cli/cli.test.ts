import { EventEmitter } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { Shutdown } from '../../../src/cli/shutdown.ts'
import { exitCodeOf } from '../../../src/cli/exit-codes.ts'
import { inFlags, keyFrom, serverOptions, turnInput, type RunFlags } from '../../../src/cli/flags.ts'
import { Output } from '../../../src/cli/output.ts'
import { main } from '../../../src/cli/program.ts'
import { readAttachments, readPrompt } from '../../../src/cli/prompt.ts'
import { Screen } from '../../../src/cli/screen.ts'
import { View, type ViewOptions } from '../../../src/cli/view.ts'
import { Wrap } from '../../../src/cli/wrap.ts'
import { noUsage, type Reply, type TurnErrorCode } from '../../../src/replies.ts'
import { brokenSink, keptStd, systemError, textSink } from '../../support/cli-streams.ts'

const flags: RunFlags = { home: 'h', proxy: 'http://127.0.0.1:4000/v1', model: 'm', permission: 'reject' }
const failed = (code: TurnErrorCode) =>
  ({ kind: 'error', trace_id: null, error: 'no', code, retryable: false }) as const

describe('main', () => {
  const run = async (...args: string[]) => {
    const { std, stdout, stderr } = keptStd()
    const code = await main(['node', 'opencode-runtime', ...args], std)
    return { code, stdout: stdout(), stderr: stderr() }
  }
  const needed = ['--home', '/h', '--proxy', 'http://127.0.0.1:1/v1', '--model', 'm']

  it('prints the version with --version, and exits with 0', async () => {
    const { code, stdout } = await run('--version')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^\d+\.\d+\.\d+/)
  })

  it('prints the exit codes and the source of the key with run --help', async () => {
    const { code, stdout } = await run('run', '--help')
    expect(code).toBe(0)
    expect(stdout).toMatch(/Exit codes:[^]*\n {2}5 +the answer could not be written[^]*130/)
    expect(stdout).toContain('OPENCODE_RUNTIME_API_KEY')
  })

  it.each([
    ['an unknown flag', ['run', 'hi', ...needed, '--jsn'], /unknown option '--jsn'[^]*--json/],
    ['an unknown command', ['rnu'], /unknown command 'rnu'/],
    ['no command', [], /Usage:/],
    ['a missing flag', ['run', 'hi'], /required option '--home <dir>'/],
    ['an unquoted prompt', ['run', 'say', 'hello', ...needed], /too many arguments/],
    ['a bad number', ['run', 'hi', ...needed, '--deadline-ms', '2s'], /whole number/],
    ['a bad policy', ['run', 'hi', ...needed, '--permission', 'yes'], /reject, once, always/],
  ])('exits with 2 and an error message for %s', async (_what, args, message) => {
    const { code, stderr } = await run(...args)
    expect(code).toBe(2)
    expect(stderr).toMatch(message)
  })

  it('rejects a key given as a flag, and does not repeat it', async () => {
    const { code, stderr } = await run('run', 'hi', ...needed, '--api-key=sk-secret')
    expect(code).toBe(2)
    expect(stderr).toContain('OPENCODE_RUNTIME_API_KEY')
    expect(stderr).not.toContain('sk-secret')
  })

  it.each([
    ['a missing key', undefined, needed, /export OPENCODE_RUNTIME_API_KEY=/],
    [
      'a proxy that is not a URL',
      'sk-1',
      [...needed, '--proxy', 'nonsense'],
      /--proxy: expected an http or https URL/,
    ],
    ['a missing attachment', 'sk-1', [...needed, '--attach', '/no/such'], /\/no\/such: ENOENT/],
  ])('exits with 2 and advice for %s', async (_what, key, args, message) => {
    vi.stubEnv('OPENCODE_RUNTIME_API_KEY', key)
    onTestFinished(() => void vi.unstubAllEnvs())
    const { code, stderr } = await run('run', 'hi', ...args)
    expect(code).toBe(2)
    expect(stderr).toMatch(message)
  })
})

describe('flags', () => {
  it('keyFrom reads the key only from the environment', () => {
    expect(keyFrom({ OPENCODE_RUNTIME_API_KEY: ' sk-1\n' })).toBe('sk-1')
    expect(() => keyFrom({ OPENCODE_RUNTIME_API_KEY: '' })).toThrow(/export OPENCODE_RUNTIME_API_KEY/)
  })

  it('serverOptions makes paths absolute and leaves out missing flags', () => {
    expect(serverOptions(flags, 'sk-1', [])).toEqual({
      home: resolve('h'),
      proxy: { baseURL: 'http://127.0.0.1:4000/v1', apiKey: 'sk-1' },
      models: [{ id: 'm' }],
      maxRestarts: 1,
    })
    const all = { ...flags, directory: 'd', binary: 'opencode', port: 4096, providerId: 'proxy' }
    expect(serverOptions(all, 'sk-1', [])).toMatchObject({
      directory: resolve('d'),
      binary: 'opencode',
      port: 4096,
      proxy: { providerId: 'proxy' },
    })
  })

  it('serverOptions declares the modalities of the attachments', () => {
    const attached = ['image/png', 'application/pdf', 'text/plain'].map((mime) => ({ mime, data: '' }))
    expect(serverOptions(flags, 'sk-1', attached).models).toEqual([
      { id: 'm', input: ['text', 'image', 'pdf'] },
    ])
  })

  it('turnInput returns every flag of the turn', () => {
    const all: RunFlags = {
      ...flags,
      agent: 'plan',
      system: 'be brief',
      session: 'ses_1',
      traceId: 't1',
      deadlineMs: 1,
      stallMs: 2,
      maxRetries: 0,
      permission: 'once',
    }
    expect(turnInput('hi', all, [])).toEqual({
      text: 'hi',
      agent: 'plan',
      system: 'be brief',
      sessionId: 'ses_1',
      traceId: 't1',
      deadlineMs: 1,
      stallMs: 2,
      maxRetries: 0,
      onPermission: 'once',
    })
    expect(turnInput('hi', flags, [])).toEqual({ text: 'hi', onPermission: 'reject' })
  })

  it('inFlags replaces names of options by flags', () => {
    expect(inFlags('Invalid option proxy.apiKey: expected x')).toBe(
      'Invalid OPENCODE_RUNTIME_API_KEY: expected x',
    )
    expect(inFlags('Invalid option backoffMaxMs: expected x')).toBe('Invalid option backoffMaxMs: expected x')
  })
})

describe('readPrompt', () => {
  it('returns the argument, and does not read stdin', async () => {
    const stdin = new PassThrough()
    expect(await readPrompt('hi', stdin)).toBe('hi')
    expect(stdin.readableFlowing).toBeNull()
  })

  it.each(['-', undefined])('reads stdin if the argument is %s', async (given) => {
    expect(await readPrompt(given, Readable.from(['two\n', 'lines\n']))).toBe('two\nlines')
  })

  it('rejects an empty prompt, and a terminal as stdin', async () => {
    const terminal = Object.assign(new PassThrough(), { isTTY: true })
    await expect(readPrompt(undefined, terminal)).rejects.toThrow(/no prompt/)
    await expect(readPrompt(' ', terminal)).rejects.toThrow(/no prompt/)
    await expect(readPrompt('-', Readable.from(['\n']))).rejects.toThrow(/stdin was empty/)
  })
})

describe('readAttachments', () => {
  it('determines media types by extension, then by content', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'opencode-runtime-cli-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const put = async (name: string, data: string | Uint8Array) => {
      await writeFile(join(folder, name), data)
      return join(folder, name)
    }
    const files = [
      await put('a.PNG', 'x'),
      await put('b.ts', 'let é'),
      await put('c', new Uint8Array([255, 0])),
    ]
    const attachments = await readAttachments(files)
    expect(attachments.map(({ mime, filename }) => [filename, mime])).toEqual([
      ['a.PNG', 'image/png'],
      ['b.ts', 'text/plain'],
      ['c', 'application/octet-stream'],
    ])
  })
})

describe('exitCodeOf', () => {
  it.each([
    ['rejected', 2],
    ['server_unavailable', 3],
    ['server_died', 3],
    ['cancelled', 4],
    ['auth', 1],
    ['deadline_exceeded', 1],
    ['invalid_output', 1],
  ] as const)('returns for %s the code %d', (code, expected) =>
    expect(exitCodeOf(failed(code))).toBe(expected),
  )

  it('returns 0 for a final reply', () => {
    const reply = {
      kind: 'final',
      trace_id: null,
      content: '',
      finish_reason: null,
      usage: noUsage(),
    } as const
    expect(exitCodeOf(reply)).toBe(0)
  })
})

describe('Shutdown', () => {
  const start = () => {
    const source = new EventEmitter()
    const clock = { now: 0 }
    return { source, clock, shutdown: new Shutdown(source, () => clock.now) }
  }

  it('requests the end at the first signal and forces it at the second', () => {
    const { source, clock, shutdown } = start()
    source.emit('SIGINT', 'SIGINT')
    expect([shutdown.requested.aborted, shutdown.forced.aborted, shutdown.exitCode]).toEqual([
      true,
      false,
      130,
    ])
    clock.now = 1000
    source.emit('SIGTERM', 'SIGTERM')
    expect([shutdown.forced.aborted, shutdown.exitCode]).toEqual([true, 130])
  })

  it('counts a signal that repeats at once only once', () => {
    const { source, clock, shutdown } = start()
    source.emit('SIGINT', 'SIGINT')
    clock.now = 10
    source.emit('SIGINT', 'SIGINT')
    expect(shutdown.forced.aborted).toBe(false)
  })

  it.each([
    ['a reader that leaves', systemError('EPIPE', -32), 0],
    ['a full disk', systemError('ENOSPC', -28), 5],
  ])(
    'ends with the code of %s; a later signal replaces the code, without force',
    async (_what, error, code) => {
      const { source, shutdown } = start()
      const output = new Output(brokenSink(error))
      shutdown.watch(output)
      await output.write('x')
      await shutdown.whenRequested
      expect([shutdown.requested.aborted, shutdown.exitCode]).toEqual([true, code])
      source.emit('SIGTERM', 'SIGTERM')
      expect([shutdown.forced.aborted, shutdown.exitCode]).toEqual([false, 143])
    },
  )

  it('removes its signal handlers when disposed', () => {
    const { source, shutdown } = start()
    shutdown[Symbol.dispose]()
    expect(source.listenerCount('SIGINT')).toBe(0)
  })
})

describe('Wrap', () => {
  it('breaks lines between words, across pieces, and indents them', () => {
    const wrap = new Wrap(2, 12)
    expect(['one ', 'two ', 'three\nfour'].map((piece) => wrap.push(piece)).join('')).toBe(
      'one two \n  three\n  four',
    )
  })

  it('does not break before a word that is longer than a line', () => {
    expect(new Wrap(2, 8).push('abcdefghij')).toBe('abcdefghij')
  })
})

describe('View', () => {
  const trace_id = 't1'
  const call = { trace_id, call_id: 'c1', tool: 'bash' }
  const turn: Reply[] = [
    { kind: 'reasoning', trace_id, content: 'let me ' },
    { kind: 'reasoning', trace_id, content: 'see' },
    { kind: 'tool_call', ...call, args: { command: 'ls' } },
    { kind: 'tool_result', ...call, result: 'a\nb\n\u001b[31mc', success: true },
    { kind: 'delta', trace_id, content: 'two ' },
    { kind: 'delta', trace_id, content: 'files' },
    { kind: 'final', trace_id, content: 'two files', finish_reason: 'stop', usage: noUsage() },
  ]
  const shown = async (options: ViewOptions, replies: readonly Reply[], isTTY = false) => {
    const [out, log] = [textSink(isTTY), textSink(isTTY)]
    const screen = new Screen(new Output(out), new Output(log))
    const view = new View(screen, options)
    view.lifecycle({ state: 'idle', at: 0, restarts: 0 })
    view.lifecycle({ state: 'probing', at: 0, restarts: 0, pid: 7 })
    view.lifecycle({ state: 'healthy', at: 0, restarts: 0, baseURL: 'http://127.0.0.1:1' })
    for (const reply of replies) await view.reply(reply)
    screen.finish()
    const rows = log.text().replace(/^ +\d+\.\d\ds /gm, '')
    return { out: out.text(), rows, log: log.text(), view }
  }

  it('writes in mode text only the answer to out, and everything else to the log', async () => {
    const { out, rows } = await shown({ mode: 'text' }, turn)
    expect(out).toBe('two files\n')
    expect(rows.split('\n')).toEqual([
      '○ probing      pid 7',
      '● healthy      http://127.0.0.1:1',
      '◇ reasoning    let me see',
      '▸ bash         $ ls',
      '✔ bash         a ⏎ b ⏎ c',
      '✔ final        stop, no usage',
      '',
    ])
  })

  it('writes in mode json the replies to out, and everything else to the log', async () => {
    const { out, rows } = await shown({ mode: 'json' }, turn)
    const lines = out.trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(turn)
    expect(rows.trimEnd().split('\n')).toHaveLength(2)
  })

  it('adds in mode json the id of the session, once known, after the keys of the reply', async () => {
    const out = textSink()
    const view = new View(new Screen(new Output(out), new Output(textSink())), { mode: 'json' })
    view.session(undefined)
    await view.reply({ kind: 'delta', trace_id, content: 'a' })
    view.session('ses_1')
    await view.reply({ kind: 'delta', trace_id, content: 'b' })
    expect(out.text().split('\n')).toEqual([
      '{"kind":"delta","trace_id":"t1","content":"a"}',
      '{"kind":"delta","trace_id":"t1","content":"b","session_id":"ses_1"}',
      '',
    ])
  })

  it('writes in mode show everything to the log', async () => {
    const { out, rows, view } = await shown({ mode: 'show' }, turn)
    expect(out).toBe('')
    expect(rows).toContain('◆ reply        two files\n')
    expect(view.counts).toMatchObject({ reasoning: 2, delta: 2, final: 1 })
  })

  it('writes only errors if quiet', async () => {
    expect((await shown({ mode: 'text', quiet: true }, turn)).log).toBe('')
    const { rows } = await shown({ mode: 'text', quiet: true }, [failed('auth')])
    expect(rows).toBe('✘ error        auth: no\n')
  })

  it('shows retries and requests', () => {
    const log = textSink()
    const view = new View(new Screen(new Output(textSink()), new Output(log)), {
      mode: 'text',
      permission: 'once',
    })
    view.status({ state: 'running', at: 0 })
    view.status({ state: 'retrying', at: 1000, nextAt: 3000, attempt: 1, message: 'slow down' })
    view.request({
      type: 'permission',
      id: 'per_1',
      sessionId: 'ses_1',
      child: false,
      permission: 'bash',
      patterns: ['rm *'],
      metadata: {},
    })
    expect(log.text().trimEnd().split('\n')).toEqual([
      expect.stringMatching(/↻ retry 1 +in 2\.0 s: slow down$/),
      expect.stringMatching(/\? permission +bash rm \* → once$/),
    ])
  })

  it('removes control characters for a terminal, but not for a pipe', async () => {
    const nasty: Reply[] = [{ kind: 'delta', trace_id, content: 'a\u001b]0;title\u0007b\r\n' }]
    expect((await shown({ mode: 'text', quiet: true }, nasty, true)).out).toBe('ab\n')
    expect((await shown({ mode: 'text', quiet: true }, nasty)).out).toBe('a\u001b]0;title\u0007b\r\n')
  })
})
