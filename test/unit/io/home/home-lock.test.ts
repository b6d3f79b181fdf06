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

/** Writes a lock file as a host does. */
function leave(home: string, generation: number, content: Partial<LockHolder> | string): void {
  mkdirSync(stateFolder(home), { recursive: true })
  const holder = { id: 'somebody', ...self, host: 'box', at: 0, ...(typeof content === 'object' && content) }
  const text = typeof content === 'string' ? content : JSON.stringify(holder)
  writeFileSync(join(stateFolder(home), `host.lock.${generation}`), text)
}

const files = (home: string): string[] => readdirSync(stateFolder(home)).sort()

describe('lockHome', () => {
  it('rejects a second holder, also in the same process, and names the holder and what to do', () => {
    const home = tempHome()
    const before = new Date().toISOString()
    const lock = lockHome(home)
    const again = () => lockHome(home)
    expect(again).toThrow(HomeLockedError)
    expect(again).toThrow(`process ${process.pid} on ${hostname()}, since ${before.slice(0, 10)}`)
    expect(again).toThrow('another server of this process')
    expect(again).toThrow('Stop it, or give this server a home of its own.')
    expect(again).toThrow('docs/guides/next-and-hot-reload.md')
    // Turns show the message, so it holds no path of the host.
    expect(again).not.toThrow(home)
    lock.release()
    lockHome(home).release()
  })

  it('creates private files', () => {
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
    ['a process that has ended', { pid: 2 ** 22 - 3 }],
    ['a process whose pid was reused', { startTime: 'another boot:1' }],
    ['a holder that released the lock', { released: true }],
    ['a torn file', '{"id":"another","pi'],
    ['an empty file', ''],
    ['a file of zeros', '\0'.repeat(64)],
    ['a file with other JSON', '[1, 2]'],
    ['a file with null', 'null'],
    ['a file with an invalid pid', { pid: -1 }],
    ['a file with an invalid time', { at: 1e300 }],
  ])('takes over from %s, and tidies up', (_name, content) => {
    const home = tempHome()
    leave(home, 7, content)
    const lock = lockHome(home)
    expect(files(home)).toEqual(['host.lock.8'])
    expect(() => lockHome(home)).toThrow(HomeLockedError)
    lock.release()
  })

  it('reads only the highest number, and never uses a number twice', () => {
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

  it('removes drafts of dead processes, and no other files', () => {
    const home = tempHome()
    lockHome(home).release()
    const others = ['host.lock.x', 'host.lock.01', 'server.json', 'host.draft.new']
    for (const name of [...others, 'host.draft.old']) writeFileSync(join(stateFolder(home), name), '')
    utimesSync(join(stateFolder(home), 'host.draft.old'), 0, 0)
    lockHome(home).release()
    expect(files(home)).toEqual([...others, 'host.lock.2'].sort())
  })

  it('releases only its own hold', () => {
    const home = tempHome()
    const lock = lockHome(home)
    const file = join(stateFolder(home), 'host.lock.1')
    const stolen = readFileSync(file, 'utf8').replace(/"id":"[^"]+"/, '"id":"somebody"')
    writeFileSync(file, stolen)
    lock.release()
    expect(readFileSync(file, 'utf8')).toBe(stolen)
  })

  it('ignores a removed home on release', () => {
    const home = tempHome()
    const lock = lockHome(home)
    rmSync(home, { recursive: true })
    lock.release()
    lock.release()
    expect(existsSync(home)).toBe(false)
  })

  it('names a home that cannot be written', () => {
    const home = tempHome()
    mkdirSync(dirname(stateFolder(home)), { recursive: true })
    writeFileSync(stateFolder(home), '')
    expect(() => lockHome(home)).toThrow(InvalidOptionsError)
    expect(() => lockHome(home)).toThrow(
      /^Invalid option home: expected a directory that this process can write/,
    )
  })
})
