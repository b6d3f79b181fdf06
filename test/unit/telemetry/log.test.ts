import { inspect } from 'node:util'
import { isNativeError } from 'node:util/types'
import { describe, expect, it } from 'vitest'
import { OpenCodeRuntimeError, ServerExitedError } from '../../../src/errors.ts'
import { maskedError } from '../../../src/config/masked-error.ts'
import type { Logger } from '../../../src/config/options.ts'
import { Secrets } from '../../../src/config/secrets.ts'
import { secrets, startServer } from '../../support/machine-harness.ts'

type Level = keyof Logger
type Line = [level: Level, message: string, fields: Record<string, unknown>]

/** Logger that stores its lines. */
function memory() {
  const lines: Line[] = []
  const at = (level: Level) => (fields: object, message: string) =>
    void lines.push([level, message, fields as Record<string, unknown>])
  const logger: Logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  const brief = () => lines.map(([level, message]) => `${level}: ${message}`)
  return { logger, lines, brief, last: () => lines.at(-1)?.[2] }
}

function logged(logger: Logger) {
  return startServer({ logger, maxRestarts: 1 })
}

describe('The log', () => {
  it('has a line for each change of the lifecycle: failures as warnings, failed as an error', async () => {
    const { logger, brief, lines } = memory()
    const server = logged(logger)
    await server.beHealthy()
    server.world.script.spawn = 'exits'
    server.world.process.exit()
    await server.advance(10_000)
    expect(server.state()).toBe('failed')
    expect(brief().slice(0, 5)).toEqual([
      'info: opencode server idle',
      'info: opencode server configuring',
      'info: opencode server spawning',
      'info: opencode server probing',
      'info: opencode server healthy',
    ])
    expect(
      brief()
        .slice(5, -1)
        .every((line) => line.startsWith('warn: opencode server ')),
    ).toBe(true)
    const [level, message, fields] = lines.at(-1) ?? []
    expect([level, message]).toEqual(['error', 'opencode server failed'])
    expect(fields).toMatchObject({
      state: 'failed',
      restarts: 1,
      reason: 'restart budget spent',
      err: { code: 'ERR_OPENCODE_RESTART_LIMIT', cause: { code: 'ERR_OPENCODE_SERVER_EXITED' } },
    })
    expect(fields?.['err']).toBeInstanceOf(OpenCodeRuntimeError)
  })

  it('has a line for the end of each turn, and no line per reply', async () => {
    const { logger, lines, last } = memory()
    const server = logged(logger)
    await server.beHealthy()
    const before = lines.length
    const turn = server.turn({ text: 'the-prompt', traceId: 't1' })
    await server.advance(250)
    await server.answer(turn, 'the-answer', { tokens: { input: 3, output: 2 } })
    expect(lines.slice(before)).toEqual([
      [
        'debug',
        'opencode turn final',
        { traceId: 't1', turnId: turn.id, sessionId: 'ses_1', durationMs: 250, usage: turn.usage },
      ],
    ])
    expect(turn.usage).toMatchObject({ input_tokens: 3, output_tokens: 2 })

    const cancelled = server.turn()
    cancelled.cancel()
    expect(lines.at(-1)?.slice(0, 2)).toEqual(['debug', 'opencode turn cancelled'])
    server.turn({ text: '', traceId: 't2' })
    expect(lines.at(-1)?.slice(0, 2)).toEqual(['warn', 'opencode turn failed: rejected'])
    expect(last()).toMatchObject({ traceId: 't2', code: 'rejected', sessionId: undefined, durationMs: 0 })
    expect(inspect(lines)).not.toMatch(/the-prompt|the-answer/)
  })

  it('shows no secret in any printed form', async () => {
    const { logger, lines, brief } = memory()
    const server = logged(logger)
    await server.beHealthy()
    server.turn()
    await server.advance()
    server.world.process.exit(`crashed with ${secrets.apiKey}\n${secrets.password}`)
    await server.advance()
    expect(brief()).toContain('warn: opencode turn failed: server_died')
    const text = inspect(lines, { depth: 12, showHidden: true })
    for (const secret of Object.values(secrets)) expect(text.includes(secret)).toBe(false)
    expect(text).toMatch(/crashed with \*\*\*/)
  })

  it('has each caution once, without secrets', () => {
    const { logger, lines } = memory()
    const server = logged(logger)
    for (const what of ['one', 'one', `two ${secrets.apiKey}`]) server.runtime.warn(what)
    expect(lines.filter(([level]) => level === 'warn')).toEqual([
      ['warn', 'one', {}],
      ['warn', 'two ***', {}],
    ])
  })

  it('loses only the line if the logger throws', async () => {
    const fail = () => {
      throw new Error('disk full')
    }
    const server = logged({ debug: fail, info: fail, warn: fail, error: fail })
    await server.beHealthy()
    const turn = server.turn()
    await server.advance()
    await server.answer(turn)
    expect(turn.replies.at(-1)).toMatchObject({ kind: 'final' })
    server.world.process.exit()
    await server.advance()
    expect(server.state()).toBe('healthy')
  })
})

describe('maskedError', () => {
  const mask = (error: Error) => maskedError(error, new Secrets(['sk-secret']))

  it('masks the message, the stack, the log and each cause, and keeps the class and the code', () => {
    const cause = Object.assign(new TypeError('fetch sk-secret'), {
      errno: -2,
      path: '/srv/sk-secret',
      options: { headers: { authorization: 'sk-secret' } },
      cause: 'sk-secret',
    })
    const exit = { exitCode: 1, logTail: 'key: sk-secret' }
    const error = mask(new ServerExitedError('died: sk-secret', exit, { cause }))
    expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/sk-secret/)
    expect(JSON.stringify(error)).not.toMatch(/sk-secret/)
    expect(error).toBeInstanceOf(ServerExitedError)
    expect(error).toMatchObject({
      name: 'ServerExitedError',
      code: 'ERR_OPENCODE_SERVER_EXITED',
      retryable: true,
      message: 'died: ***',
      exitCode: 1,
      logTail: 'key: ***',
    })
    expect(error.stack).toMatch(/^\w+: died: \*\*\*\n {4}at /)
    expect(error.cause).toBeInstanceOf(TypeError)
    expect(error.cause).toMatchObject({ message: 'fetch ***', errno: -2, path: '/srv/***', cause: '***' })
    expect(error.cause).not.toHaveProperty('options')
    // As in `new Error()`: listing or spreading an error shows its own enumerable fields.
    expect(Object.keys(error)).not.toContain('message')
    expect(Object.keys(error)).toContain('code')
  })

  it('returns a real error, also for an unusual error', () => {
    const masked = mask(new DOMException('sk-secret', 'AbortError'))
    expect(masked).toMatchObject({ name: 'AbortError', message: '***' })
    expect(inspect(masked)).toMatch(/\*\*\*/)
    for (const error of [masked, mask(new TypeError('sk-secret'))]) expect(isNativeError(error)).toBe(true)
  })

  it('does not change the given error, and ends for circular causes', () => {
    const error = new Error('sk-secret')
    error.cause = error
    let depth = 0
    for (let masked: unknown = mask(error); masked instanceof Error; masked = masked.cause) depth++
    expect(depth).toBe(9)
    expect(error.message).toBe('sk-secret')
  })
})
