import { chmodSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { HostFaultError, InvalidOptionsError } from '../../../../src/errors.ts'
import { realDirectory } from '../../../../src/io/home/real-directory.ts'
import { tempHome } from '../../../support/home.ts'

const home = (): string => realpathSync(tempHome())
const real = (directory: string) => realDirectory({ input: 'turn input directory', directory })

describe('realDirectory', () => {
  it.each([
    'a%2Fb',
    '100%',
    'x+y',
    'h#i?j&k=l',
    's p "a" \'b\'',
    '🐢',
    'caf\u00e9',
    'cafe\u0301',
    'new\nline',
  ])('returns %j as it is', async (name) => {
    const directory = join(home(), name)
    mkdirSync(directory)
    expect(await real(directory)).toBe(directory)
  })

  it('resolves links, `..` and slashes as the system does: `..` after a link is above the target of the link', async () => {
    const place = home()
    mkdirSync(join(place, 'a/b/c'), { recursive: true })
    symlinkSync(join(place, 'a/b'), join(place, 'link'))
    expect(await real(`${place}/link/`)).toBe(join(place, 'a/b'))
    expect(await real(`${place}//a/./b/../b/c/`)).toBe(join(place, 'a/b/c'))
    expect(await real(`${place}/link/..`)).toBe(join(place, 'a'))
  })

  it('rejects a missing directory, and names the input and the last segment, but no path of the host', async () => {
    const place = home()
    const missing = await real(join(place, 'x/gone%2Fx')).catch((thrown: unknown) => thrown)
    expect(missing).toBeInstanceOf(InvalidOptionsError)
    expect((missing as Error).message).toBe(
      'Invalid turn input directory: expected an existing directory, got "…/gone%2Fx" (ENOENT)',
    )
    const shown = realDirectory({ input: 'option directory', directory: join(place, 'gone'), isShown: true })
    await expect(shown).rejects.toThrow(
      `Invalid option directory: expected an existing directory, got "${place}/gone"`,
    )
  })

  it('rejects a file, a broken link, a circle of links, and a name that is too long', async () => {
    const place = home()
    writeFileSync(join(place, 'file'), '')
    symlinkSync('nothing', join(place, 'dangling'))
    symlinkSync('circle', join(place, 'circle'))
    await expect(real(join(place, 'file'))).rejects.toThrow('got "…/file" (ENOTDIR)')
    await expect(real(join(place, 'dangling'))).rejects.toThrow('(ENOENT)')
    await expect(real(join(place, 'circle'))).rejects.toThrow('(ELOOP)')
    await expect(real(join(place, 'x'.repeat(300)))).rejects.toThrow('(ENAMETOOLONG)')
  })

  it('rejects a name with a backslash, which opencode reads as a slash', async () => {
    const directory = join(home(), 'back\\slash')
    mkdirSync(directory)
    await expect(real(directory)).rejects.toThrow(
      'got "…/back\\\\slash" (opencode reads a backslash as a slash)',
    )
  })

  it('rejects a name that is not UTF-8, because its text may name another directory', async () => {
    const place = home()
    const raw = Buffer.concat([Buffer.from(`${place}/`), Buffer.from([0x78, 0xff])])
    mkdirSync(raw)
    symlinkSync(raw, join(place, 'link'))
    mkdirSync(join(place, 'x\ufffd'))
    await expect(real(join(place, 'link'))).rejects.toThrow('its name is not UTF-8')
    expect(await real(join(place, 'x\ufffd'))).toBe(join(place, 'x\ufffd'))
  })

  // Root may enter every directory.
  it.skipIf(process.getuid?.() === 0)('rejects a directory that this process may not enter', async () => {
    const directory = join(home(), 'shut')
    mkdirSync(directory)
    chmodSync(directory, 0o600)
    await expect(real(directory)).rejects.toThrow('(EACCES)')
    chmodSync(directory, 0o700)
  })

  it('throws a HostFaultError for a passing fault of the host', async () => {
    const fault = Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' })
    vi.doMock('node:fs/promises', async (original) => ({
      ...(await original<typeof import('node:fs/promises')>()),
      realpath: () => Promise.reject(fault),
    }))
    vi.resetModules()
    const { realDirectory: failing } = await import('../../../../src/io/home/real-directory.ts')
    const error = await failing({ input: 'option directory', directory: '/w' }).catch(
      (thrown: unknown) => thrown,
    )
    vi.doUnmock('node:fs/promises')
    expect(error).toBeInstanceOf(HostFaultError)
    expect(error).toMatchObject({ errno: 'EMFILE', path: '/w', retryable: true })
  })
})
