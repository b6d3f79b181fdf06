import type * as Fs from 'node:fs'
import { cpSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { HomeLockedError, HostFaultError, InvalidOptionsError } from '../../../../src/errors.ts'
import { holderOf, lockHome } from '../../../../src/io/home/home-lock.ts'
import { stateFolder } from '../../../../src/io/home/state-folder.ts'
import { tempHome } from '../../../support/home.ts'

const { faults, names } = vi.hoisted(() => ({
  /** Functions of the file system that fail, each with its error code. */
  faults: new Map<string, string>(),
  names: [
    'linkSync',
    'openSync',
    'readdirSync',
    'readFileSync',
    'renameSync',
    'rmSync',
    'truncateSync',
    'writeFileSync',
  ] as const,
}))
type Name = (typeof names)[number]

vi.mock('node:fs', async (importOriginal) => {
  const fs = await importOriginal<typeof Fs>()
  const failing = names.map((name) => [
    name,
    (...args: unknown[]): unknown => {
      const code = faults.get(name)
      if (code !== undefined) throw Object.assign(new Error(`${code}: refused, ${name}`), { code })
      return (fs[name] as (...args: unknown[]) => unknown)(...args)
    },
  ])
  return { ...fs, ...Object.fromEntries(failing) } as typeof Fs
})

const fail = (code: string, ...which: Name[]): void => which.forEach((name) => faults.set(name, code))

beforeEach(() => {
  faults.clear()
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  return () => vi.useRealTimers()
})

/** Returns the holder as another process sees it: from the lock file alone. */
const seenByOthers = (home: string) => {
  const key = Symbol.for('opencode-runtime.live-holds')
  const holds: unknown = Reflect.get(globalThis, key)
  Reflect.set(globalThis, key, { realm: 'another', ids: new Set() })
  try {
    return holderOf(home)
  } finally {
    Reflect.set(globalThis, key, holds)
  }
}

const writing = ['renameSync', 'truncateSync', 'writeFileSync'] as const

describe('a lock whose release fails', () => {
  it.each<[string, readonly Name[]]>([
    ['EROFS', writing],
    ['EACCES', writing],
    ['EIO', [...writing, 'readFileSync']],
    ['EMFILE', [...writing, 'readFileSync', 'openSync', 'readdirSync']],
    ['ESTALE', ['renameSync', 'truncateSync', 'rmSync']],
  ])('(%s) is free for this process at once, and for others as soon as it can be written', (code, which) => {
    const home = tempHome()
    const lock = lockHome(home)
    fail(code, ...which)
    lock.release()
    vi.advanceTimersByTime(60_000)
    faults.clear()
    expect(seenByOthers(home)).toMatchObject({ pid: process.pid })
    expect(holderOf(home)).toBeUndefined()
    vi.advanceTimersByTime(2_000)
    expect(seenByOthers(home)).toBeUndefined()
    lockHome(home).release()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('keeps no process alive while the release is retried', () => {
    vi.useRealTimers()
    const home = tempHome()
    const lock = lockHome(home)
    const spy = vi.spyOn(globalThis, 'setTimeout')
    fail('EROFS', ...writing)
    lock.release()
    const timer = spy.mock.results.at(-1)?.value as NodeJS.Timeout
    spy.mockRestore()
    expect(timer.hasRef()).toBe(false)
    clearTimeout(timer)
  })

  it('is dropped when this process has locked the home again', () => {
    const home = tempHome()
    const lock = lockHome(home)
    fail('EROFS', ...writing)
    lock.release()
    faults.clear()
    const again = lockHome(home)
    vi.advanceTimersByTime(10_000)
    expect(vi.getTimerCount()).toBe(0)
    expect(seenByOthers(home)).toMatchObject({ pid: process.pid })
    expect(() => lockHome(home)).toThrow(HomeLockedError)
    lock.release()
    expect(() => lockHome(home)).toThrow(HomeLockedError)
    again.release()
    expect(seenByOthers(home)).toBeUndefined()
  })

  it('is dropped when the home was removed', () => {
    const home = tempHome()
    const lock = lockHome(home)
    fail('EROFS', ...writing)
    lock.release()
    faults.clear()
    rmSync(home, { recursive: true })
    vi.advanceTimersByTime(10_000)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('leaves at most one draft', () => {
    const home = tempHome()
    const lock = lockHome(home)
    fail('EIO', 'renameSync', 'truncateSync')
    lock.release()
    vi.advanceTimersByTime(60_000)
    faults.clear()
    expect(readdirSync(stateFolder(home))).toEqual(['host.lock.1'])
  })
})

describe('lockHome', () => {
  it.each(['EMFILE', 'ENFILE', 'EIO', 'ENOSPC', 'ESTALE'])(
    'throws a HostFaultError for %s in any call, and holds nothing',
    (code) => {
      for (const name of names.filter((one) => one !== 'truncateSync' && one !== 'renameSync')) {
        const home = tempHome()
        lockHome(home).release()
        fail(code, name)
        let thrown: unknown
        try {
          lockHome(home).release()
        } catch (error) {
          thrown = error
        }
        faults.clear()
        // No code here opens a file by its descriptor, and a file that cannot be removed is left.
        if (!['openSync', 'rmSync'].includes(name)) {
          expect(thrown, name).toBeInstanceOf(HostFaultError)
          expect((thrown as HostFaultError).errno).toBe(code)
        }
        vi.advanceTimersByTime(2_000)
        expect(seenByOthers(home)).toBeUndefined()
        lockHome(home).release()
      }
    },
  )

  it('releases a number if the folder cannot be read afterwards', () => {
    const home = tempHome()
    lockHome(home).release()
    const { linkSync } = faultsAfter('linkSync', () => fail('EMFILE', 'readdirSync', ...writing))
    expect(() => lockHome(home)).toThrow(HostFaultError)
    linkSync()
    faults.clear()
    expect(seenByOthers(home)).toMatchObject({ pid: process.pid })
    vi.advanceTimersByTime(2_000)
    expect(seenByOthers(home)).toBeUndefined()
  })

  it.each(['EMFILE', 'EIO', 'EACCES'])('does not treat an unreadable lock (%s) as free', (code) => {
    const home = tempHome()
    const lock = lockHome(home)
    fail(code, 'readFileSync')
    expect(() => lockHome(home)).toThrow(code === 'EACCES' ? InvalidOptionsError : HostFaultError)
    expect(() => holderOf(home)).toThrow(code)
    faults.clear()
    expect(() => lockHome(home)).toThrow(HomeLockedError)
    lock.release()
  })
})

/** Calls `act` after the next call of a function, which succeeds. Returns a check that the function was called. */
function faultsAfter(name: 'linkSync', act: () => void) {
  let wasCalled = false
  const get = faults.get.bind(faults)
  faults.get = (key) => {
    const code = get(key)
    if (key === name && !wasCalled) {
      wasCalled = true
      act()
    }
    return code
  }
  return {
    [name]: () => {
      faults.get = get
      expect(wasCalled).toBe(true)
    },
  }
}

describe('a home that was copied with its lock', () => {
  it('is free, while the original is held', () => {
    const [home, copies] = [tempHome(), tempHome()]
    const copy = join(copies, 'copy')
    const lock = lockHome(home)
    cpSync(home, copy, { recursive: true, preserveTimestamps: true })
    const other = lockHome(copy)
    expect(() => lockHome(home)).toThrow(HomeLockedError)
    other.release()
    expect(() => lockHome(home)).toThrow(HomeLockedError)
    expect(holderOf(copy)).toBeUndefined()
    lock.release()
  })

  it('is free for other processes too', () => {
    const [home, copies] = [tempHome(), tempHome()]
    const copy = join(copies, 'copy')
    const lock = lockHome(home)
    cpSync(home, copy, { recursive: true })
    expect(seenByOthers(home)).toMatchObject({ pid: process.pid })
    expect(seenByOthers(copy)).toBeUndefined()
    lock.release()
  })

  it('stays held if the home was only moved, or restored in place', () => {
    const [base, copies] = [tempHome(), tempHome()]
    const [home, moved] = [join(base, 'home'), join(base, 'moved')]
    const lock = lockHome(home)
    cpSync(home, join(copies, 'backup'), { recursive: true })
    renameSync(home, moved)
    expect(() => lockHome(moved)).toThrow(HomeLockedError)
    cpSync(join(copies, 'backup'), home, { recursive: true })
    expect(() => lockHome(home)).toThrow(HomeLockedError)
    expect(seenByOthers(home)).toBeDefined()
    lock.release()
    lockHome(home).release()
  })
})
