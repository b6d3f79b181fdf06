import { chmodSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { shellProblem } from '../../../../src/io/host/shell.ts'
import { tempHome } from '../../../support/home.ts'

describe('shellProblem', () => {
  it('returns undefined for a shell, given by path or by a name on PATH', () => {
    const folder = tempHome()
    const fancy = join(folder, 'my shell')
    writeFileSync(fancy, '#!/bin/sh\nexec /bin/sh "$@"\n', { mode: 0o755 })
    symlinkSync('/bin/sh', join(folder, 'linked'))
    for (const shell of ['/bin/sh', fancy, join(folder, 'linked')])
      expect(shellProblem(shell)).toBeUndefined()
    expect(shellProblem('linked', `/nonexistent:${folder}`)).toBeUndefined()
  })

  it.each([
    ...['/usr/sbin/nologin', '/sbin/nologin', '/bin/false', '/usr/bin/false', '/bin/true', '/bin/sync'],
    ...['/usr/bin/git-shell', '/sbin/halt', '/sbin/shutdown', '/nix/store/x/bin/nologin', 'nologin', 'false'],
  ])('rejects %s, whether it exists or not', (shell) =>
    expect(shellProblem(shell, '/usr/bin:/bin')).toBe('is not a shell'),
  )

  it.each([
    ['prints a refusal', '#!/bin/sh\necho This account is not available\nexit 1\n'],
    ['does nothing', '#!/bin/sh\nexit 0\n'],
    ['is another program', '#!/bin/cat\n'],
  ])('rejects a program of any other name that %s', (_what, text) => {
    const file = join(tempHome(), 'mylogin')
    writeFileSync(file, text, { mode: 0o755 })
    expect(shellProblem(file)).toBe('runs no commands')
    expect(shellProblem(file)).toBe('runs no commands')
  })

  it('rejects a link to a program that is not a shell', () => {
    const folder = tempHome()
    writeFileSync(join(folder, 'nologin'), '#!/bin/sh\n', { mode: 0o755 })
    symlinkSync(join(folder, 'nologin'), join(folder, 'sh'))
    expect(shellProblem(join(folder, 'sh'))).toBe('is not a shell')
  })

  it('names a program that is missing or cannot be run', () => {
    const folder = tempHome()
    const file = join(folder, 'file')
    writeFileSync(file, '')
    chmodSync(file, 0o644)
    symlinkSync(join(folder, 'nothing'), join(folder, 'dangling'))
    expect(shellProblem(join(folder, 'nothing'))).toBe('does not exist')
    expect(shellProblem(join(folder, 'dangling'))).toBe('does not exist')
    expect(shellProblem(file)).toBe('cannot be run')
    expect(shellProblem(folder)).toBe('cannot be run')
    expect(shellProblem('file', folder)).toBe('is not on PATH')
    expect(shellProblem('', '/bin')).toBe('is not on PATH')
    expect(shellProblem('bin/sh')).toBe('is not an absolute path')
  })
})
