import type * as ChildProcess from 'node:child_process'
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type * as Fs from 'node:fs'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { checkOrphan } from '../../../../src/cli/doctor/orphan.ts'
import { reapOrphan } from '../../../../src/actors/server/orphan.ts'
import { HostFaultError } from '../../../../src/errors.ts'
import { markerVariable } from '../../../../src/io/opencode/environment.ts'
import { treeResidentMb } from '../../../../src/io/process/memory.ts'
import { identify, identifyByPs, isSameProcess } from '../../../../src/io/process/process-identity.ts'
import { carriesMarker, findLeftovers, killLeftovers } from '../../../../src/io/process/processes.ts'
import { isAsRecorded, readRecord, removeRecord, writeRecord } from '../../../../src/io/home/server-record.ts'
import { stateFolder } from '../../../../src/io/home/state-folder.ts'
import { doctorContext } from '../../../support/doctor.ts'
import { tempHome } from '../../../support/home.ts'

/** Pattern of the files that cannot be read, and the error code. */
const { fault } = vi.hoisted(() => ({ fault: { files: /^$/, code: '' } }))

vi.mock('node:fs', async (importOriginal) => {
  const fs = await importOriginal<typeof Fs>()
  const failing = (['readFileSync', 'readdirSync'] as const).map((name) => [
    name,
    (file: unknown, ...rest: unknown[]): unknown => {
      if (typeof file === 'string' && fault.files.test(file))
        throw Object.assign(new Error(`${fault.code}: refused, ${file}`), { code: fault.code })
      return (fs[name] as (...args: unknown[]) => unknown)(file, ...rest)
    },
  ])
  return { ...fs, ...Object.fromEntries(failing) } as typeof Fs
})

vi.mock('node:child_process', async (importOriginal) => {
  const original = await importOriginal<typeof ChildProcess>()
  const execFileSync = (file: string, ...rest: never[]): unknown => {
    if (fault.files.test(file))
      throw Object.assign(new Error(`spawnSync ps ${fault.code}`), { code: fault.code })
    return original.execFileSync(file, ...rest)
  }
  return { ...original, execFileSync }
})

const passing = ['EMFILE', 'ENFILE', 'ENOMEM', 'EIO']
const absent = ['ENOENT', 'ESRCH', 'ENOTDIR', 'EACCES', 'EPERM']

function fail(code: string, files: RegExp): void {
  Object.assign(fault, { code, files })
}

beforeEach(() => fail('', /^$/))

/** Starts a process in a group of its own, with a marker. */
async function marked() {
  const marker = randomUUID()
  const env = { PATH: process.env['PATH'], [markerVariable]: marker }
  const child = spawn('sleep', ['300.75'], { env, detached: true, stdio: 'ignore' })
  onTestFinished(() => void child.kill('SIGKILL'))
  const { pid = 0 } = child
  await expect.poll(() => identify(pid)?.command).toBe('sleep 300.75')
  return { child, pid, marker, ended: once(child, 'exit') }
}

/** Creates a home whose record names a process as its server. */
async function recorded() {
  const home = tempHome()
  const server = await marked()
  const { pid, marker } = server
  const place = { hostname: '127.0.0.1', port: 4096, username: 'opencode' }
  expect(writeRecord(home, { pid, marker, command: ['/usr/bin/opencode', '300.75'], ...place })).toBe(true)
  const clock = {
    setTimeout: (fn: () => void, ms: number) => setTimeout(fn, ms),
    clearTimeout: (id: unknown) => clearTimeout(id as NodeJS.Timeout),
    now: () => performance.now(),
  }
  const reap = () => reapOrphan({ home, stopGraceMs: 2_000, clock, signal: new AbortController().signal })
  return { home, reap, ...server }
}

describe.runIf(process.platform === 'linux')('a process that cannot be inspected', () => {
  it.each(passing)('(%s) counts neither as ended nor as another process', async (code) => {
    const { pid, marker } = await marked()
    const startTime = identify(pid)?.startTime ?? ''
    fail(code, /^\/proc\//)
    const looks = [
      () => identify(pid),
      () => isSameProcess(pid, startTime),
      () => carriesMarker(pid, marker),
      () => findLeftovers(pid, marker),
    ]
    for (const look of looks) expect(look).toThrow(HostFaultError)
    await expect(treeResidentMb(pid, marker)).rejects.toThrow(code)
    fail('', /^$/)
    expect(isSameProcess(pid, startTime)).toBe(true)
  })

  it.each(absent)('(%s) counts as absent, or as a process of another user', async (code) => {
    const { pid, marker } = await marked()
    fail(code, new RegExp(`^/proc/${pid}/`))
    expect(identify(pid)).toBeUndefined()
    expect(carriesMarker(pid, marker)).toBeUndefined()
    expect(findLeftovers(undefined, marker)).toEqual([])
  })

  it('is identified by its pid alone if nothing else is readable', async () => {
    const { pid, marker, ended } = await marked()
    fail('ENOENT', /^\/proc(\/|$)/)
    expect(identify(pid)).toEqual({ startTime: '', command: '' })
    expect(identify(2 ** 22 - 3)).toBeUndefined()
    expect(killLeftovers(pid, marker)).toBe(1)
    await ended
    expect(killLeftovers(pid, marker)).toBe(0)
  })

  it.each(passing)('(%s) is still killed with its group', async (code) => {
    const { pid, marker, ended } = await marked()
    fail(code, /^\/proc$/)
    expect(() => killLeftovers(pid, marker)).toThrow(HostFaultError)
    expect(await ended).toEqual([null, 'SIGKILL'])
    expect(() => killLeftovers(pid, marker)).toThrow(HostFaultError)
    fail('', /^$/)
    expect(killLeftovers(pid, marker)).toBe(0)
  })

  it('does not prevent the kill of other processes', async () => {
    const [one, other] = [await marked(), await marked()]
    fail('ENOMEM', new RegExp(`^/proc/${other.pid}/`))
    expect(() => killLeftovers(undefined, one.marker)).toThrow(HostFaultError)
    expect(await one.ended).toEqual([null, 'SIGKILL'])
    expect(other.child.exitCode ?? other.child.signalCode).toBeNull()
  })

  it.each(['EMFILE', 'ENFILE', 'EAGAIN', 'ENOMEM'])('(ps: %s) does not count as ended', (code) => {
    fail(code, /^ps$/)
    expect(() => identifyByPs(process.pid)).toThrow(HostFaultError)
    fail('ENOENT', /^ps$/)
    expect(identifyByPs(process.pid)).toEqual({ startTime: '', command: '' })
  })
})

describe.runIf(process.platform === 'linux')('an orphan that cannot be inspected', () => {
  it.each([
    ['unreadable record', /server\.json$/],
    ['unreadable start time', /^\/proc\/\d+\/stat$/],
    ['unreadable environment', /^\/proc\/\d+\/environ$/],
  ])('(%s) fails the start, and a later start reaps the orphan', async (_what, files) => {
    const { home, reap, pid, ended } = await recorded()
    fail('EMFILE', files)
    await expect(reap()).rejects.toThrow(HostFaultError)
    fail('', /^$/)
    expect(readRecord(home)).toMatchObject({ pid })
    expect(await reap()).toBe(pid)
    await ended
    expect(readRecord(home)).toBeUndefined()
  })

  it('keeps its record until the search for its processes is complete', async () => {
    const { home, reap, pid, ended } = await recorded()
    fail('EMFILE', /^\/proc$/)
    await expect(reap()).rejects.toThrow(HostFaultError)
    await ended
    fail('', /^$/)
    expect(readRecord(home)).toMatchObject({ pid })
    expect(await reap()).toBeUndefined()
    expect(readRecord(home)).toBeUndefined()
  })

  it('makes checkOrphan reject instead of reporting no orphan', async () => {
    const { home } = await recorded()
    fail('EMFILE', /^\/proc\//)
    await expect(checkOrphan(doctorContext({ home }))).rejects.toThrow('EMFILE')
  })

  it('keeps a record that cannot be read at the moment', async () => {
    const { home, marker, pid } = await recorded()
    const record = readRecord(home)
    fail('EMFILE', /server\.json$/)
    removeRecord(home, marker)
    expect(() => readRecord(home)).toThrow(HostFaultError)
    fail('EMFILE', /^\/proc\//)
    expect(() => record && isAsRecorded(record)).toThrow(HostFaultError)
    expect(writeRecord(home, { ...(record as NonNullable<typeof record>), port: 1 })).toBe(false)
    fail('', /^$/)
    expect(readRecord(home)).toMatchObject({ pid, port: 4096 })
  })
})

describe.runIf(process.platform === 'linux')('a record that was copied with its home', () => {
  it('names no orphan: the server of the original home lives, and the copied record is removed', async () => {
    const { home, pid, child } = await recorded()
    const copy = await recorded()
    const content = JSON.stringify({ ...readRecord(home), at: 1 })
    writeFileSync(join(stateFolder(copy.home), 'server.json'), content)
    expect(await checkOrphan(doctorContext({ home: copy.home }))).toMatchObject([{ status: 'ok' }])
    expect(await copy.reap()).toBeUndefined()
    expect(readRecord(copy.home)).toBeUndefined()
    expect(isSameProcess(pid, readRecord(home)?.startTime ?? '')).toBe(true)
    expect([child.exitCode, child.signalCode]).toEqual([null, null])
  })

  it('still counts if an earlier version wrote the record without an origin', async () => {
    const { home, reap, pid, ended } = await recorded()
    const { origin, ...earlier } = readRecord(home) ?? {}
    expect(origin).toBeDefined()
    writeFileSync(join(stateFolder(home), 'server.json'), JSON.stringify(earlier))
    expect(await reap()).toBe(pid)
    await ended
  })
})
