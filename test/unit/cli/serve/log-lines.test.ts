import { describe, expect, test } from 'vitest'
import { lineLogger, type LogForm } from '../../../../src/cli/serve/log-lines.ts'
import { Output } from '../../../../src/cli/output.ts'
import { textSink } from '../../../support/cli-streams.ts'

/** Returns the lines that a log writes. */
function linesOf(form: Partial<LogForm>, write: (logger: ReturnType<typeof lineLogger>) => void): string {
  const sink = textSink()
  const now = () => new Date(Date.UTC(2026, 10, 29, 1, 2, 3))
  write(lineLogger(new Output(sink), { level: 'info', isJson: false, ...form }, now))
  return sink.text()
}

describe('lineLogger', () => {
  test('writes one line per call, with quotes where a value has blanks', () => {
    const text = linesOf({}, (log) => {
      log.info(
        { agentId: 'a1', pid: 7, gone: undefined, reason: 'memory limit', list: ['a'] },
        'opencode server healthy',
      )
    })
    expect(text).toBe(
      '2026-11-29T01:02:03.000Z info  opencode server healthy agentId=a1 pid=7 reason="memory limit" list=["a"]\n',
    )
  })

  test('leaves out lines below the level', () => {
    const all = (log: ReturnType<typeof lineLogger>): void => {
      log.debug({}, 'one')
      log.info({}, 'two')
      log.warn({}, 'three')
      log.error({}, 'four')
    }
    expect(linesOf({ level: 'warn' }, all).match(/three|four|one|two/g)).toEqual(['three', 'four'])
    expect(linesOf({ level: 'debug' }, all).split('\n')).toHaveLength(5)
  })

  test('writes an error as its code and message, without its stack', () => {
    const error = Object.assign(new RangeError('bad option'), { code: 'EBAD' })
    expect(linesOf({}, (log) => log.error({ err: error }, 'no'))).toContain(
      'no err={"name":"RangeError","code":"EBAD","message":"bad option"}\n',
    )
    expect(linesOf({ isJson: true }, (log) => log.error({ err: error }, 'no'))).toBe(
      `${JSON.stringify({
        time: '2026-11-29T01:02:03.000Z',
        level: 'error',
        msg: 'no',
        err: { name: 'RangeError', code: 'EBAD', message: 'bad option' },
      })}\n`,
    )
  })

  test('names options in messages as the config file does, and fields as the library does', () => {
    const text = linesOf({}, (log) =>
      log.warn({ agentId: 'a1', reason: 'limits.maxServers' }, 'see maxRestarts'),
    )
    expect(text).toContain('see max_restarts agentId=a1 reason=limits.max_servers\n')
  })

  test('writes nothing that moves the cursor of a terminal', () => {
    const text = linesOf({}, (log) => log.warn({ title: 'a\u001b[2Jb' }, 'x\u001b[1Ay'))
    expect(text).not.toContain('\u001b')
  })
})
