import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { FileSink } from '../../../src/cli/file-sink.ts'
import { Output } from '../../../src/cli/output.ts'
import { main } from '../../../src/cli/program.ts'
import { Screen } from '../../../src/cli/screen.ts'
import { canAnimate } from '../../../src/cli/spinner.ts'
import { Std } from '../../../src/cli/std.ts'
import { brokenSink, keptStd, movesCursor, systemError, textSink } from '../../support/cli-streams.ts'

const noSpace = systemError('ENOSPC', -28)
const opened = (file: string, flags: string): number => {
  const fd = openSync(file, flags)
  onTestFinished(() => closeSync(fd))
  return fd
}

describe('Output', () => {
  it('discards writes after its reader left, and calls each listener once', async () => {
    const stream = new PassThrough()
    const [output, early, late] = [new Output(stream), vi.fn(), vi.fn()]
    output.onFailure(early)
    stream.destroy(systemError('EPIPE', -32))
    await new Promise((done) => setImmediate(done))
    await output.write('x')
    await output.flush()
    output.onFailure(late)
    expect([early.mock.calls.length, late.mock.calls.length, output.hasReaderLeft]).toEqual([1, 1, true])
  })

  it('waits for a slow reader, but not for a reader that leaves', async () => {
    const stream = new PassThrough({ highWaterMark: 1 })
    const output = new Output(stream)
    const written = output.write('more than one byte')
    stream.destroy(new Error('gone'))
    await expect(written).resolves.toBeUndefined()
  })

  it('flush resolves only when a slow reader has read everything', async () => {
    const stream = new PassThrough({ highWaterMark: 1 })
    const output = new Output(stream)
    void output.write('more than one byte')
    const flushed = vi.fn()
    const isFlushed = output.flush().then(flushed)
    await new Promise((done) => setImmediate(done))
    expect(flushed).not.toHaveBeenCalled()
    stream.resume()
    await isFlushed
  })
})

describe('Std', () => {
  it('finish returns the given code if everything was written', async () => {
    const { std, stderr } = keptStd()
    await std.out.write('hello\n')
    expect([await std.finish(0), await std.finish(3), stderr()]).toEqual([0, 3, ''])
  })

  it.each([
    ['a full disk', noSpace, 'no space left on device (ENOSPC)'],
    ['a disk that fails', systemError('EIO', -5), 'i/o error (EIO)'],
    ['an error without a number', Object.assign(new Error('odd'), { code: 'EODD' }), 'odd (EODD)'],
  ])('finish replaces success by 5 and reports the cause: %s', async (_what, error, reason) => {
    const err = textSink()
    const std = new Std(brokenSink(error), err)
    std.content = 'the answer'
    void std.out.write('hello\n')
    expect(await std.finish(0)).toBe(5)
    expect(err.text()).toBe(`error: the answer could not be written to stdout: ${reason}\n`)
  })

  it('finish reports a lack of space that only a sync reveals', async () => {
    const out = Object.assign(textSink(), {
      sync: () => {
        throw noSpace
      },
    })
    const err = textSink()
    expect(await new Std(out, err).finish(0)).toBe(5)
    expect(err.text()).toContain('no space left on device')
  })

  it('finish keeps the code of an earlier failure, and the code after a reader left', async () => {
    const failing = (error: Error, code: number): Promise<number> => {
      const std = new Std(brokenSink(error), textSink())
      void std.out.write('x')
      return std.finish(code)
    }
    expect(await failing(noSpace, 1)).toBe(1)
    expect(await failing(systemError('EPIPE', -32), 0)).toBe(0)
    expect(await failing(systemError('ECONNRESET', -104), 0)).toBe(0)
  })

  it('finish does not wait for a slow reader after a signal', async () => {
    const std = new Std(new PassThrough({ highWaterMark: 1 }), textSink())
    void std.out.write('more than one byte')
    expect(await std.finish(143)).toBe(143)
  })

  it('finish ignores a stderr that cannot be written', async () => {
    const out = textSink()
    const std = new Std(out, brokenSink(noSpace))
    void std.err.write('progress\n')
    void std.out.write('hello\n')
    expect([await std.finish(0), out.text()]).toEqual([0, 'hello\n'])
    expect(await new Std(brokenSink(noSpace), brokenSink(noSpace)).finish(0)).toBe(5)
  })

  it.each([['--help'], ['--version'], ['graph'], ['run', '--help'], ['doctor', '--json']])(
    'exits with 5 on a full disk: %s %s',
    async (...args) => {
      const err = textSink()
      expect(await main(['node', 'opencode-runtime', ...args], new Std(brokenSink(noSpace), err))).toBe(5)
      expect(err.text()).toMatch(
        /^error: the (output|findings) could not be written to stdout: no space left/,
      )
    },
  )
})

describe('FileSink', () => {
  it('writes each chunk completely', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'opencode-runtime-sink-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const file = join(folder, 'out')
    const sink = new FileSink(opened(file, 'a'))
    const output = new Output(sink)
    const text = 'é'.repeat(100_000)
    await output.write(text)
    await output.write('end')
    await output.flush()
    expect(output.failure).toBeUndefined()
    expect(readFileSync(file, 'utf8')).toBe(`${text}end`)
  })

  it.skipIf(process.platform !== 'linux')(
    'fails on a full device, and on a file that was opened for reading',
    async () => {
      for (const [file, flags, code] of [
        ['/dev/full', 'w', 'ENOSPC'],
        ['/dev/null', 'r', 'EBADF'],
      ] as const) {
        const output = new Output(new FileSink(opened(file, flags)))
        await output.write('x')
        await output.flush()
        expect(output.failure?.code).toBe(code)
      }
    },
  )

  it('ignores a device that cannot sync', async () => {
    const output = new Output(new FileSink(opened('/dev/null', 'w')))
    await output.write('x')
    await output.flush()
    expect(output.failure).toBeUndefined()
  })
})

describe('Spinner', () => {
  afterEach(() => void vi.unstubAllEnvs())

  it.each([
    ['a terminal', true, {}, true],
    ['a terminal with CI switched off', true, { CI: 'false' }, true],
    ['a terminal with CI=0', true, { CI: '0' }, true],
    ['a terminal with an empty CI and NO_COLOR', true, { CI: '', NO_COLOR: '' }, true],
    ['no terminal', false, {}, false],
    ['TERM=dumb', true, { TERM: 'dumb' }, false],
    ['CI', true, { CI: '1' }, false],
    ['CI by name', true, { CI: 'woodpecker' }, false],
    ['NO_COLOR', true, { NO_COLOR: '1' }, false],
  ])('canAnimate decides for %s', (_what, isTTY, env, expected) => {
    expect(canAnimate(new Output(textSink(isTTY)), { TERM: 'xterm', ...env })).toBe(expected)
  })

  it('moves the cursor only on a terminal that can animate', () => {
    const waited = (env: Record<string, string>): string => {
      for (const [name, value] of Object.entries({ TERM: 'xterm', CI: '', NO_COLOR: '', ...env }))
        vi.stubEnv(name, value)
      const log = textSink(true)
      const screen = new Screen(new Output(textSink(true)), new Output(log))
      screen.wait('opencode is starting')
      void screen.line('a line')
      screen.finish()
      return log.text()
    }
    expect(movesCursor(waited({}))).toBe(true)
    expect(waited({})).toContain('opencode is starting')
    expect(waited({ TERM: 'dumb' })).toBe('a line\n')
    expect(waited({ CI: 'true' })).toBe('a line\n')
    expect(waited({ NO_COLOR: '1' })).toBe('a line\n')
  })
})
