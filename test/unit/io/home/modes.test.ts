import * as fs from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { isClosed, restrict } from '../../../../src/io/home/modes.ts'
import { tempHome } from '../../../support/home.ts'

// A file system that refuses or ignores modes cannot be mounted here, so its answers are simulated.
vi.mock('node:fs', async (original) => {
  const real = await original<typeof fs>()
  return { ...real, chmodSync: vi.fn(real.chmodSync) }
})
const chmod = vi.mocked(fs.chmodSync)
afterEach(() => void chmod.mockClear())

const refuse = (code: string): void =>
  void chmod.mockImplementationOnce(() => {
    throw Object.assign(new Error(`${code}: chmod`), { code })
  })

/** Creates a file of a mode. */
function file(mode: number): string {
  const path = join(tempHome(), 'file')
  fs.writeFileSync(path, '')
  chmod(path, mode)
  chmod.mockClear()
  return path
}
const modeOf = (path: string): number => fs.statSync(path).mode & 0o777

describe('restrict', () => {
  it('sets a different mode, and leaves an equal mode', () => {
    for (const mode of [0o666, 0o400]) {
      const path = file(mode)
      expect([restrict(path, 0o600), modeOf(path)]).toEqual([true, 0o600])
    }
    chmod.mockClear()
    expect(restrict(file(0o600), 0o600)).toBe(true)
    expect(chmod).not.toHaveBeenCalled()
  })

  it.each(['EPERM', 'EACCES', 'EROFS', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EINVAL'])(
    'ignores %s, and returns whether the path is restricted',
    (code) => {
      const [open, closed] = [file(0o660), file(0o400)]
      refuse(code)
      expect([restrict(open, 0o600), modeOf(open)]).toEqual([false, 0o660])
      refuse(code)
      expect(restrict(closed, 0o600)).toBe(true)
    },
  )

  it('returns false on a file system that ignores modes', () => {
    const path = file(0o777)
    chmod.mockImplementationOnce(() => undefined)
    expect(restrict(path, 0o600)).toBe(false)
  })

  it.each(['EIO', 'ESTALE'])('throws %s, which may pass by itself', (code) => {
    const path = file(0o666)
    refuse(code)
    expect(() => restrict(path, 0o600)).toThrow(code)
  })

  it('throws for a missing path', () =>
    expect(() => restrict(join(tempHome(), 'x'), 0o600)).toThrow('ENOENT'))
})

describe('isClosed', () => {
  it('compares the permissions of a mode with the wanted mode', () => {
    expect([isClosed(0o100600, 0o600), isClosed(0o400, 0o600), isClosed(0o2700, 0o700)]).toEqual([
      true,
      true,
      true,
    ])
    expect([isClosed(0o640, 0o600), isClosed(0o770, 0o700)]).toEqual([false, false])
  })
})
