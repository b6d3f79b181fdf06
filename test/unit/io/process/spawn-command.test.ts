import { describe, expect, it } from 'vitest'
import { InvalidOptionsError } from '../../../../src/errors.ts'
import { wrapCommand } from '../../../../src/io/process/spawn-command.ts'
import type { SpawnWrapper } from '../../../../src/config/options.ts'

const own = ['/usr/bin/opencode', 'serve', '--port', '4096']
const env = { HOME: '/srv/a1', OPENCODE_SERVER_PASSWORD: 'pw-canary' }

describe('wrapCommand', () => {
  it('returns the own command without a function', () => {
    expect(wrapCommand(undefined, own, env)).toEqual({ own, env })
  })

  it('passes the own command and the variables, and returns what the function made of them', () => {
    const wrap: SpawnWrapper = (argv, variables) => ['env', `--chdir=${variables['HOME'] ?? ''}`, ...argv]
    const wrapped = ['env', '--chdir=/srv/a1', ...own]
    expect(wrapCommand(wrap, own, env)).toEqual({ own, env, wrapped })
  })

  it('ignores what the function changes in its arguments', () => {
    const wrap = (argv: string[], variables: Record<string, string>) => {
      expect(() => argv.push('--more')).toThrow(TypeError)
      expect(() => (variables['HOME'] = '/')).toThrow(TypeError)
      return argv
    }
    expect(wrapCommand(wrap as unknown as SpawnWrapper, own, env)).toEqual({ own, env, wrapped: own })
  })

  it.each([
    [undefined, 'a value of the type undefined'],
    [null, 'null'],
    ['bwrap opencode', 'a value of the type string'],
    [[], 'an empty list'],
    [['bwrap', ''], 'a list whose entry 1 is of the kind: empty string'],
    [['bwrap', 7], 'a list whose entry 1 is of the kind: number'],
    [['bwrap', 'a\0b'], 'a list whose entry 1 is of the kind: string with a null character'],
    [Promise.resolve(own), 'a promise'],
  ])('refuses %j, without showing the value', (wrong, kind) => {
    const wrap = () => wrapCommand((() => wrong) as unknown as SpawnWrapper, own, env)
    expect(wrap).toThrow(InvalidOptionsError)
    expect(wrap).toThrow(
      `Invalid option spawn: expected the function to return a list of at least one string, none of them empty, got ${kind}`,
    )
  })

  it('reports what the function throws', () => {
    const wrap: SpawnWrapper = () => {
      throw new Error('no profile')
    }
    const call = () => wrapCommand(wrap, own, env)
    expect(call).toThrow(InvalidOptionsError)
    expect(call).toThrow('The function of the option spawn failed: no profile')
  })
})
