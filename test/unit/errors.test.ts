import { afterEach, describe, expect, it, vi } from 'vitest'
import * as errors from '../../src/errors.ts'

const classes = [
  ['OpenCodeRuntimeError', 'ERR_OPENCODE_RUNTIME', false],
  ['InvalidOptionsError', 'ERR_OPENCODE_INVALID_OPTIONS', false],
  ['BinaryNotFoundError', 'ERR_OPENCODE_BINARY_NOT_FOUND', false],
  ['PortInUseError', 'ERR_OPENCODE_PORT_IN_USE', true],
  ['StartTimeoutError', 'ERR_OPENCODE_START_TIMEOUT', true],
  ['ServerExitedError', 'ERR_OPENCODE_SERVER_EXITED', true],
  ['RestartLimitError', 'ERR_OPENCODE_RESTART_LIMIT', true],
  ['ServerWedgedError', 'ERR_OPENCODE_SERVER_WEDGED', true],
  ['HostFaultError', 'ERR_OPENCODE_HOST_FAULT', true],
  ['RequestClosedError', 'ERR_OPENCODE_REQUEST_CLOSED', false],
  ['UnknownAgentError', 'ERR_OPENCODE_UNKNOWN_AGENT', false],
  ['StoppedError', 'ERR_OPENCODE_STOPPED', false],
  ['HomeLockedError', 'ERR_OPENCODE_HOME_LOCKED', true],
  ['UnsupportedVersionError', 'ERR_OPENCODE_UNSUPPORTED_VERSION', false],
] as const

/** Loads a second copy of the module, as two versions of the package in one dependency tree do. */
async function secondCopy(): Promise<typeof errors> {
  vi.resetModules()
  return import('../../src/errors.ts')
}

afterEach(() => void vi.resetModules())

describe.each(classes)('%s', (name, code, retryable) => {
  it('has a name, a code, a retryable flag and a cause', () => {
    const cause = new Error('why')
    const error = new errors[name]('what', { cause, errno: 'EIO' }, { cause })
    expect(error).toMatchObject({ name, code, retryable, message: 'what', cause })
    expect(error).toBeInstanceOf(Error)
    expect(String(error)).toBe(`${name}: what`)
    expect(error.stack).toContain('errors.test.ts')
  })

  it('is an instance of its class and the base, and of no other class', () => {
    const error = new errors[name]('x', { errno: 'EIO' })
    const matching = classes.map(([other]) => other).filter((other) => error instanceof errors[other])
    expect(matching.sort()).toEqual([...new Set([name, 'OpenCodeRuntimeError'])].sort())
  })

  it('matches the same class of another copy of the package, in both directions', async () => {
    const copy = await secondCopy()
    expect(copy[name]).not.toBe(errors[name])
    const [ours, theirs] = [new errors[name]('x', { errno: 'EIO' }), new copy[name]('x', { errno: 'EIO' })]
    expect(ours).toBeInstanceOf(copy[name])
    expect(theirs).toBeInstanceOf(errors[name])
    expect(theirs).toBeInstanceOf(errors.OpenCodeRuntimeError)
    const other = name === 'StoppedError' ? 'PortInUseError' : 'StoppedError'
    expect(theirs).not.toBeInstanceOf(errors[other])
  })
})

describe('instanceof', () => {
  it.each([[undefined], [null], ['text'], [{}], [new Error('x')], [Object.create(null)]])(
    'is false for a value that is no error of this package: %s',
    (value) => {
      expect(value instanceof errors.OpenCodeRuntimeError).toBe(false)
      expect(value instanceof errors.StoppedError).toBe(false)
    },
  )
})

describe('ServerExitedError', () => {
  it('has the exit code, the signal and the end of the log', () => {
    const error = new errors.ServerExitedError('gone', { exitCode: 1, logTail: 'last words' })
    expect(error).toMatchObject({ exitCode: 1, signal: undefined, logTail: 'last words' })
    expect(new errors.ServerExitedError('gone', { signal: 'SIGKILL' }).signal).toBe('SIGKILL')
  })
})

describe('asRuntimeError', () => {
  it('returns an error of this package unchanged, also an error of another copy of the package', async () => {
    const copy = await secondCopy()
    const theirs = new copy.StoppedError('stopped')
    expect(errors.asRuntimeError(theirs, 'Starting failed')).toBe(theirs)
  })

  it.each([
    [new TypeError('boom'), 'Starting failed: boom'],
    ['text', 'Starting failed: text'],
    [undefined, 'Starting failed: undefined'],
  ])('wraps any other value as the cause: %s', (thrown, message) => {
    const error = errors.asRuntimeError(thrown, 'Starting failed')
    expect(error).toMatchObject({ message, code: 'ERR_OPENCODE_RUNTIME', cause: thrown })
  })
})

describe('toJSON', () => {
  it('keeps name, code, message, retryable, the fields of the class, and the causes, without a stack', () => {
    const exit = new errors.ServerExitedError(
      'gone',
      { exitCode: 1, logTail: 'last words' },
      {
        cause: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }),
      },
    )
    const error = new errors.RestartLimitError('failed 3 times', { cause: exit })
    expect(JSON.parse(JSON.stringify({ error }))).toEqual({
      error: {
        name: 'RestartLimitError',
        code: 'ERR_OPENCODE_RESTART_LIMIT',
        message: 'failed 3 times',
        retryable: true,
        cause: {
          name: 'ServerExitedError',
          code: 'ERR_OPENCODE_SERVER_EXITED',
          message: 'gone',
          retryable: true,
          exitCode: 1,
          logTail: 'last words',
          cause: { name: 'Error', message: 'refused', code: 'ECONNREFUSED' },
        },
      },
    })
  })

  it('shows a cause that is no error as text', () => {
    expect(new errors.StoppedError('x', { cause: 'why' }).toJSON()).toMatchObject({ cause: 'why' })
  })
})
