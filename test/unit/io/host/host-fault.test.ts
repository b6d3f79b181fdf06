import { describe, expect, it } from 'vitest'
import { HostFaultError, OpenCodeRuntimeError } from '../../../../src/errors.ts'
import { asHostFault, errnoOf, isHostFault } from '../../../../src/io/host/host-fault.ts'

/** Makes an error as Node's file system functions throw it. */
const systemError = (code: string, path?: string) =>
  Object.assign(new Error(`${code}: refused`), { code, ...(path !== undefined && { path }) })

/** Wraps an error as the cause of others, `depth` times. */
const wrapped = (cause: unknown, depth: number): unknown =>
  depth === 0 ? cause : new TypeError('fetch failed', { cause: wrapped(cause, depth - 1) })

describe('errnoOf', () => {
  it.each([0, 1, 3])('finds the code of an error that is wrapped %i times', (depth) => {
    expect(errnoOf(wrapped(systemError('ENOSPC'), depth))).toBe('ENOSPC')
  })

  it('prefers the outermost code', () => {
    expect(errnoOf(Object.assign(new Error('x', { cause: systemError('EIO') }), { code: 'EMFILE' }))).toBe(
      'EMFILE',
    )
  })

  it('searches the causes of an error whose code is not a system code', () => {
    const error = Object.assign(new Error('x', { cause: systemError('EIO') }), { code: 'UND_ERR_SOCKET' })
    expect(errnoOf(error)).toBe('EIO')
  })

  it.each([undefined, null, 'ENOSPC', 5, {}, new Error('ENOSPC'), { code: 5 }, { code: 'UND_ERR_SOCKET' }])(
    'returns undefined for %o',
    (thrown) => {
      expect(errnoOf(thrown)).toBeUndefined()
    },
  )

  it('stops at an error that is its own cause', () => {
    const error = new Error('x')
    error.cause = error
    expect(errnoOf(error)).toBeUndefined()
  })
})

describe('isHostFault', () => {
  it.each(['ENOSPC', 'EMFILE', 'ENFILE', 'EAGAIN', 'EIO', 'ESTALE', 'ENOMEM', 'EBUSY'])(
    'is true for %s, also as a cause',
    (code) => {
      expect(isHostFault(systemError(code))).toBe(true)
      expect(isHostFault(wrapped(systemError(code), 2))).toBe(true)
    },
  )

  it.each(['ENOENT', 'EACCES', 'EPERM', 'EEXIST', 'ENOTDIR', 'EROFS', 'EADDRINUSE'])(
    'is false for %s',
    (code) => {
      expect(isHostFault(systemError(code))).toBe(false)
    },
  )

  it('is true for a HostFaultError, whatever its code', () => {
    expect(isHostFault(new HostFaultError('The binary is away', { errno: 'ENOENT' }))).toBe(true)
  })

  it.each([undefined, 'ENOSPC', new Error('ENOSPC'), new OpenCodeRuntimeError('no')])(
    'is false for %o',
    (thrown) => {
      expect(isHostFault(thrown)).toBe(false)
    },
  )
})

describe('asHostFault', () => {
  const what = 'The config could not be written'

  it.each([
    ['ENOSPC', 'no space is left on the disk'],
    ['EMFILE', 'too many open files (see `ulimit -n`)'],
    ['ENFILE', 'the host has too many open files'],
    ['EAGAIN', '`ulimit -u`'],
    ['ENOMEM', 'no memory left'],
    ['EBUSY', 'the file is busy'],
    ['EIO', 'the file system failed'],
    ['ESTALE', 'the file system failed'],
  ])('describes %s by the operation, advice, the code and the file', (code, advice) => {
    const thrown = systemError(code, '/srv/a1/config.json')
    const fault = asHostFault(thrown, what)
    expect(fault).toBeInstanceOf(HostFaultError)
    expect(fault).toMatchObject({
      code: 'ERR_OPENCODE_HOST_FAULT',
      retryable: true,
      errno: code,
      path: '/srv/a1/config.json',
      cause: thrown,
    })
    const { message } = fault as HostFaultError
    expect(message).toMatch(new RegExp(`^${what}: .* \\(${code} at /srv/a1/config\\.json\\)$`))
    expect(message).toContain(advice)
  })

  it('reads code and file from a cause', () => {
    const thrown = wrapped(systemError('EMFILE', '/srv/a1/lock'), 2)
    expect(asHostFault(thrown, what)).toMatchObject({ errno: 'EMFILE', path: '/srv/a1/lock', cause: thrown })
  })

  it('prefers the file of the system error to the file of the caller', () => {
    expect(asHostFault(systemError('EIO', '/srv/a1/x'), what, '/srv/a1')).toMatchObject({ path: '/srv/a1/x' })
    expect(asHostFault(systemError('EIO'), what, '/srv/a1')).toMatchObject({
      path: '/srv/a1',
      message: expect.stringContaining('(EIO at /srv/a1)') as string,
    })
  })

  it('names no file if none is known', () => {
    expect(asHostFault(systemError('EMFILE'), what)).toMatchObject({
      path: undefined,
      message: expect.stringMatching(/\(EMFILE\)$/) as string,
    })
  })

  it.each([
    ['an error of another code', systemError('EACCES', '/srv/a1')],
    ['an error without a code', new Error('ENOSPC')],
    ['an error of this package', new OpenCodeRuntimeError('no')],
    ['a text', 'ENOSPC'],
    ['nothing', undefined],
  ])('returns %s unchanged', (_what, thrown) => {
    expect(asHostFault(thrown, what)).toBe(thrown)
  })

  it('returns a HostFaultError unchanged', () => {
    const fault = new HostFaultError(
      'No space',
      { errno: 'ENOSPC', path: '/srv' },
      { cause: systemError('EIO') },
    )
    expect(asHostFault(fault, what, '/other')).toBe(fault)
  })
})
