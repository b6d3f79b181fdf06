import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { isAsRecorded, readRecord, removeRecord, writeRecord } from '../../../../src/io/home/server-record.ts'
import { identify } from '../../../../src/io/process/process-identity.ts'
import { originOf, stateFolder } from '../../../../src/io/home/state-folder.ts'
import { tempHome } from '../../../support/home.ts'

const fileOf = (home: string): string => join(stateFolder(home), 'server.json')

const server = {
  pid: process.pid,
  command: ['/usr/bin/opencode', 'serve', '--port', '4096', '--hostname', '127.0.0.1'],
  hostname: '127.0.0.1',
  port: 4096,
  username: 'opencode',
  password: 'hunter2hunter2',
  marker: randomUUID(),
}

describe('the record of a server', () => {
  it('is private, and is read as it was written', () => {
    const home = tempHome()
    writeRecord(home, server)
    expect(statSync(fileOf(home)).mode & 0o777).toBe(0o600)
    expect(statSync(stateFolder(home)).mode & 0o777).toBe(0o700)
    const startTime = identify(process.pid)?.startTime
    const origin = originOf(stateFolder(home))
    expect(readRecord(home)).toEqual({ ...server, startTime, at: expect.any(Number) as number, origin })
  })

  it('may describe a server without a password', () => {
    const home = tempHome()
    const { password, ...open } = server
    writeRecord(home, open)
    expect(readRecord(home)).toMatchObject(open)
    expect(readFileSync(fileOf(home), 'utf8')).not.toContain(password)
  })

  it('is removed with its own server only', () => {
    const home = tempHome()
    removeRecord(home, server.marker)
    writeRecord(home, server)
    removeRecord(home, randomUUID())
    expect(readRecord(home)).toBeDefined()
    removeRecord(home, server.marker)
    expect(existsSync(fileOf(home))).toBe(false)
  })

  it.each([
    ['nothing', ''],
    ['half of a record', '{"pid": 1, "startTime": "x"'],
    ['a list', '[]'],
    ['null', 'null'],
    ['a pid that would mean a group', JSON.stringify({ ...server, pid: -1, startTime: 'x', at: 1 })],
    ['a pid that would mean all processes', JSON.stringify({ ...server, pid: 0, startTime: 'x', at: 1 })],
    ['an empty marker', JSON.stringify({ ...server, marker: '', startTime: 'x', at: 1 })],
    ['no start time', JSON.stringify({ ...server, startTime: '', at: 1 })],
    ['no command line', JSON.stringify({ ...server, command: [], startTime: 'x', at: 1 })],
  ])('that says %s is none', (_name, content) => {
    const home = tempHome()
    mkdirSync(stateFolder(home), { recursive: true })
    writeFileSync(fileOf(home), content)
    expect(readRecord(home)).toBeUndefined()
  })

  it('may fail to be written without an error', () => {
    const file = join(tempHome(), 'file')
    writeFileSync(file, '')
    expect(() => writeRecord(file, server)).not.toThrow()
    expect(() => removeRecord(file, server.marker)).not.toThrow()
  })
})

describe('isAsRecorded', () => {
  /** Starts a process, and returns the record of a server that describes it. */
  async function recorded(shown: readonly [string, ...string[]]) {
    const child = spawn(shown[0], shown.slice(1), { stdio: 'ignore' })
    onTestFinished(() => void child.kill('SIGKILL'))
    const pid = child.pid ?? 0
    await expect.poll(() => identify(pid)?.command).toBe(shown.join(' '))
    return { ...server, pid, startTime: identify(pid)?.startTime ?? '', command: [...shown], at: 0 }
  }

  it('recognizes a server by its start time and arguments, whatever its program is', async () => {
    const record = await recorded(['sleep', '300', '301'])
    expect(isAsRecorded(record)).toBe(true)
    expect(isAsRecorded({ ...record, command: ['/opt/wrapper', '300', '301'] })).toBe(true)
    expect(isAsRecorded({ ...record, command: ['/opt/script', '301'] })).toBe(true)
  })

  it('rejects other processes', async () => {
    const record = await recorded(['sleep', '300', '301'])
    expect(isAsRecorded({ ...record, startTime: `${record.startTime}1` })).toBe(false)
    expect(isAsRecorded({ ...record, command: ['sleep', '300', '302'] })).toBe(false)
    expect(isAsRecorded({ ...record, command: ['sleep', '1'] })).toBe(false)
    expect(isAsRecorded({ ...record, pid: process.pid })).toBe(false)
    expect(isAsRecorded({ ...record, pid: 2 ** 22 - 3 })).toBe(false)
  })
})
