import { describe, expect, it, vi, onTestFinished } from 'vitest'
import { agentUserOf, userProblem } from '../../../src/config/agent-user.ts'
import { changeOptions } from '../../../src/config/compiled-options.ts'
import { compileOptions } from '../../../src/config/options.ts'
import { InvalidOptionsError } from '../../../src/errors.ts'

const options = {
  home: '/srv/agents/a1',
  proxy: { baseURL: 'http://127.0.0.1:4000/v1', apiKey: 'sk-canary-key' },
  models: ['gpt-4o'],
}

/** Makes this process look like the process of a user on a platform. */
function hostIs(platform: NodeJS.Platform, uid: number): void {
  const real = Object.getOwnPropertyDescriptor(process, 'platform') ?? {}
  Object.defineProperty(process, 'platform', { ...real, value: platform })
  const spy = vi.spyOn(process as { geteuid(): number }, 'geteuid').mockReturnValue(uid)
  onTestFinished(() => {
    Object.defineProperty(process, 'platform', real)
    spy.mockRestore()
  })
}

describe('userProblem', () => {
  it('is undefined for root on Linux, and says what to do elsewhere', () => {
    expect(userProblem({ platform: 'linux', uid: 0 })).toBeUndefined()
    expect(userProblem({ platform: 'linux', uid: 1000 })).toMatch(
      /runs as user 1000: run the host as root, or/,
    )
    expect(userProblem({ platform: 'win32', uid: undefined })).toMatch(/Linux only: .*option spawn$/)
    expect(userProblem({ platform: 'darwin', uid: 0 })).toMatch(/Linux only/)
  })
})

describe('the options uid and gid', () => {
  it('are taken on a host that can use them', () => {
    hostIs('linux', 0)
    const { values } = compileOptions({ ...options, uid: 2001, gid: 2002 })
    expect(agentUserOf(values)).toEqual({ uid: 2001, gid: 2002 })
    expect(agentUserOf(compileOptions({ ...options, uid: 2001 }).values)).toEqual({ uid: 2001, gid: 2001 })
    expect(agentUserOf(compileOptions(options).values)).toBeUndefined()
  })

  it.each([
    ['linux', 1000, 'Invalid option uid: expected no uid and no gid, because only root'],
    [
      'win32',
      0,
      'Invalid option uid: expected no uid and no gid, because a server runs as another user on Linux',
    ],
  ] as const)('are refused on %s for user %i', (platform, uid, message) => {
    hostIs(platform, uid)
    const compile = () => compileOptions({ ...options, uid: 2001 })
    expect(compile).toThrow(InvalidOptionsError)
    expect(compile).toThrow(message)
    expect(() => compileOptions(options)).not.toThrow()
  })

  it.each([
    [{ uid: 0 }, 'Invalid option uid: expected a user id, 1 to 4294967294, got 0'],
    [{ uid: 1.5 }, 'Invalid option uid: expected a user id'],
    [{ uid: 2001, gid: 0 }, 'Invalid option gid: expected a group id, 1 to 4294967294, got 0'],
    [{ gid: 2001 }, 'Option `uid` is required: expected a user id, because gid is set'],
  ])('refuse %o', (given, message) => {
    hostIs('linux', 0)
    expect(() => compileOptions({ ...options, ...given })).toThrow(message)
  })
})

describe('changed options', () => {
  it('keep the user and the function of the command', () => {
    hostIs('linux', 0)
    const spawn = (argv: readonly string[]) => argv
    const before = compileOptions({ ...options, uid: 2001, gid: 2002, spawn })
    expect(changeOptions(before, { models: ['other'] }, 1)?.values).toMatchObject({
      uid: 2001,
      gid: 2002,
      spawn,
    })
  })
})

describe('the option spawn', () => {
  it('takes a function only', () => {
    const spawn = (argv: readonly string[]) => argv
    expect(compileOptions({ ...options, spawn }).values.spawn).toBe(spawn)
    const compile = (wrong: unknown) => () => compileOptions({ ...options, spawn: wrong as typeof spawn })
    expect(compile(['bwrap'])).toThrow('Invalid option spawn: expected a function, got')
    expect(compile(null)).toThrow(InvalidOptionsError)
  })
})
