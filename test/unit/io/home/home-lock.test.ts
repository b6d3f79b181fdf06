import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { HomeLockedError, InvalidOptionsError } from '../../../../src/errors.ts'
import { lockHome, type LockHolder } from '../../../../src/io/home/home-lock.ts'
import { identify } from '../../../../src/io/process/process-identity.ts'
import { stateFolder } from '../../../../src/io/home/state-folder.ts'
import { tempHome } from '../../../support/home.ts'

const self = { pid: process.pid, startTime: identify(process.pid)?.startTime ?? '' }

/** Puts a lock file there as a host would have. */
function leave(home: string, generation: number, content: Partial<LockHolder> | string): void {
  mkdirSync(stateFolder(home), { recursive: true })
  const holder = { id: 'somebody', ...self, host: 'box', at: 0, ...(typeof content === 'object' && content) }
  const text = typeof content === 'string' ? content : JSON.stringify(holder)
  writeFileSync(join(stateFolder(home), `host.lock.${generation}`), text)
}

const files = (home: string): string[] => readdirSync(stateFolder(home)).sort()

describe('lockHome', () => {
  it('refuses a second holder, of the same process too, and says who has it and what to do', () => {
    const home = tempHome()
    const before = new Date().toISOString()
    const lock = lockHome(home)
    const again = () => lockHome(home)
    expect(again).toThrow(HomeLockedError)
    expect(again).toThrow(`process ${process.pid} on ${hostname()}, since ${before.slice(0, 10)}`)
    expect(again).toThrow('another server of this process')
    expect(again).toThrow('Stop it, or give this server a home of its own.')
    // Turns show it: no path of the host.
    expect(again).not.toThrow(home)
    lock.release()
    lockHome(home).release()
  })

  it('is private', () => {
    const home = tempHome()
    mkdirSync(stateFolder(home), { recursive: true, mode: 0o755 })
    const lock = lockHome(home)
    expect(statSync(stateFolder(home)).mode & 0o777).toBe(0o700)
    expect(files(home)).toEqual(['host.lock.1'])
    expect(statSync(join(stateFolder(home), 'host.lock.1')).mode & 0o777).toBe(0o600)
    lock.release()
    expect(statSync(join(stateFolder(home), 'host.lock.1')).mode & 0o777).toBe(0o600)
  })

  it.each<[string, Partial<LockHolder> | string]>([
    ['a process that is gone', { pid: 2 ** 22 - 3 }],
    ['a process whose pid is a stranger now', { startTime: 'another boot:1' }],
    ['one that released it', { released: true }],
    ['a torn file', '{"id":"somebody","pi'],
    ['an empty file', ''],
    ['a file of zeros', '\0'.repeat(64)],
    ['a file that says something else', '[1, 2]'],
    ['a file that says null', 'null'],
    ['a file with a pid that is none', { pid: -1 }],
    ['a file with a moment that is none', { at: 1e300 }],
  ])('takes over from %s, and tidies up', (_name, content) => {
    const home = tempHome()
    leave(home, 7, content)
    const lock = lockHome(home)
    expect(files(home)).toEqual(['host.lock.8'])
    expect(() => lockHome(home)).toThrow(HomeLockedError)
    lock.release()
  })

  it('believes the highest number only, and never gives a number twice', () => {
    const home = tempHome()
    leave(home, 3, {})
    leave(home, 10, { released: true })
    for (const generation of [11, 12, 13]) {
      const lock = lockHome(home)
      expect(files(home)).toEqual([`host.lock.${generation}`])
      lock.release()
      expect(files(home)).toEqual([`host.lock.${generation}`])
    }
  })

  it('leaves what is none of its files alone, and removes drafts of those who died', () => {
    const home = tempHome()
    lockHome(home).release()
    const others = ['host.lock.x', 'host.lock.01', 'server.json', 'host.draft.new']
    for (const name of [...others, 'host.draft.old']) writeFileSync(join(stateFolder(home), name), '')
    utimesSync(join(stateFolder(home), 'host.draft.old'), 0, 0)
    lockHome(home).release()
    expect(files(home)).toEqual([...others, 'host.lock.2'].sort())
  })

  it('lets go of its own hold only', () => {
    const home = tempHome()
    const lock = lockHome(home)
    const file = join(stateFolder(home), 'host.lock.1')
    const stolen = readFileSync(file, 'utf8').replace(/"id":"[^"]+"/, '"id":"somebody"')
    writeFileSync(file, stolen)
    lock.release()
    expect(readFileSync(file, 'utf8')).toBe(stolen)
  })

  it('does not mind a home that is gone when it lets go', () => {
    const home = tempHome()
    const lock = lockHome(home)
    rmSync(home, { recursive: true })
    lock.release()
    lock.release()
    expect(existsSync(home)).toBe(false)
  })

  it('names the home where it cannot be written', () => {
    const home = tempHome()
    mkdirSync(dirname(stateFolder(home)), { recursive: true })
    writeFileSync(stateFolder(home), '')
    expect(() => lockHome(home)).toThrow(InvalidOptionsError)
    expect(() => lockHome(home)).toThrow(
      /^Invalid option home: expected a directory that this process can write/,
    )
  })
})
