import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { checkLock } from '../../../../src/cli/doctor/lock.ts'
import { checkOrphan } from '../../../../src/cli/doctor/orphan.ts'
import { markerVariable } from '../../../../src/io/opencode/environment.ts'
import { lockHome } from '../../../../src/io/home/home-lock.ts'
import { identify } from '../../../../src/io/process/process-identity.ts'
import { writeRecord } from '../../../../src/io/home/server-record.ts'
import { stateFolder } from '../../../../src/io/home/state-folder.ts'
import { doctorContext, findings, place } from '../../../support/doctor.ts'
import { tempHome } from '../../../support/home.ts'

const password = 'hunter2hunter2'

/** Returns the files of a home's state folder, with their contents. */
const state = (home: string) =>
  readdirSync(stateFolder(home)).map((name) => [name, readFileSync(join(stateFolder(home), name), 'utf8')])

/** Writes a lock into a home; its holder is this process by default. */
function leaveLock(home: string, holder: object = {}): void {
  mkdirSync(stateFolder(home), { recursive: true })
  const startTime = identify(process.pid)?.startTime ?? ''
  const whole = { id: 'another', pid: process.pid, startTime, host: 'box', at: 0, ...holder }
  writeFileSync(join(stateFolder(home), 'host.lock.3'), JSON.stringify(whole))
}

/**
 * Starts a process that the record of a home names as its server. With `stranger`, the process carries another
 * marker.
 */
async function leaveServer(home: string, { stranger = false } = {}) {
  const marker = randomUUID()
  const env = { PATH: process.env['PATH'], [markerVariable]: stranger ? randomUUID() : marker }
  const child = spawn('sleep', ['300.25'], { env, stdio: 'ignore' })
  onTestFinished(() => void child.kill('SIGKILL'))
  const { pid = 0 } = child
  await expect.poll(() => identify(pid)?.command).toBe('sleep 300.25')
  const command = ['/usr/bin/opencode', '300.25']
  writeRecord(home, {
    pid,
    command,
    hostname: '127.0.0.1',
    port: 4096,
    username: 'opencode',
    password,
    marker,
  })
  return { child, pid }
}

describe('checkLock and checkOrphan', () => {
  it.each([checkLock, checkOrphan])(
    '$name is skipped without --home, and if the home cannot exist',
    async (check) => {
      expect(await findings(check, doctorContext())).toMatchObject([
        { status: 'skipped', finding: 'give --home' },
      ])
      const home = place(join(tempHome(), 'x'), '', 0o600)
      expect(await findings(check, doctorContext({ home }))).toMatchObject([
        { status: 'skipped', finding: 'fix the home first' },
      ])
    },
  )

  it.each([checkLock, checkOrphan])(
    '$name accepts an unused home, and creates nothing in it',
    async (check) => {
      const home = tempHome()
      expect(await findings(check, doctorContext({ home }))).toMatchObject([{ status: 'ok' }])
      expect(await findings(check, doctorContext({ home: join(home, 'x') }))).toMatchObject([
        { status: 'ok' },
      ])
      expect(readdirSync(home)).toEqual([])
    },
  )
})

describe('checkLock', () => {
  it('names the host that uses the home, the time of its lock, and what to do', async () => {
    const home = tempHome()
    const lock = lockHome(home)
    const before = state(home)
    const [found] = await findings(checkLock, doctorContext({ home }))
    expect(found).toMatchObject({
      check: 'lock',
      status: 'failure',
      advice: 'Stop that host, or give another --home.',
    })
    expect(found?.finding).toMatch(
      new RegExp(`in use by process ${process.pid} on ${hostname()}, since \\d{4}-\\d\\d-\\d\\dT.*Z$`),
    )
    expect(state(home)).toEqual(before)
    lock.release()
    expect(await findings(checkLock, doctorContext({ home }))).toMatchObject([{ status: 'ok' }])
  })

  it.each([
    ['of a process that has ended', { pid: 2 ** 22 - 3 }],
    ['of a reused pid', { startTime: 'another boot:1' }],
    ['that was released', { released: true }],
    ['that is torn', { pid: 'x' }],
  ])('ignores a lock %s, and does not change it', async (_what, holder) => {
    const home = tempHome()
    leaveLock(home, holder)
    const before = state(home)
    expect(await findings(checkLock, doctorContext({ home }))).toMatchObject([{ status: 'ok' }])
    expect(state(home)).toEqual(before)
  })

  it('shows the name of the host on one line, without control characters', async () => {
    const home = tempHome()
    leaveLock(home, { host: 'b\no\u001b[31mx' })
    const [found] = await findings(checkLock, doctorContext({ home }))
    expect(found?.finding).toMatch(/ on b o.*x, since 1970-01-01T00:00:00\.000Z$/)
    expect(found?.finding).not.toContain('\u001b')
  })

  it('rejects if the state folder cannot be read', async () => {
    const home = tempHome()
    place(stateFolder(home), '', 0o600)
    await expect(findings(checkLock, doctorContext({ home }))).rejects.toThrow(/ENOTDIR/)
  })
})

describe('checkOrphan', () => {
  it('warns of a server without a host, names its pid, and shows no password', async () => {
    const home = tempHome()
    const { pid, child } = await leaveServer(home)
    leaveLock(home, { pid: 2 ** 22 - 3 })
    const before = state(home)
    const [found] = await findings(checkOrphan, doctorContext({ home }))
    expect(found).toMatchObject({ check: 'orphan', status: 'warning' })
    expect(found?.finding).toMatch(new RegExp(`process ${pid}$`))
    expect(found?.advice).toMatch(/^The next start ends that server/)
    expect(JSON.stringify(found)).not.toContain(password)
    expect(state(home)).toEqual(before)
    expect(identify(pid)).toBeDefined()
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
    expect(await findings(checkOrphan, doctorContext({ home }))).toMatchObject([{ status: 'ok' }])
  })

  it('accepts a server whose host runs', async () => {
    const home = tempHome()
    const { pid } = await leaveServer(home)
    leaveLock(home)
    const finding = `the server (process ${pid}) runs under its host (process ${process.pid})`
    expect(await findings(checkOrphan, doctorContext({ home }))).toEqual([
      { check: 'orphan', status: 'ok', finding },
    ])
  })

  it.runIf(process.platform === 'linux')(
    'ignores a process without the marker, which no start would end',
    async () => {
      const home = tempHome()
      await leaveServer(home, { stranger: true })
      expect(await findings(checkOrphan, doctorContext({ home }))).toMatchObject([{ status: 'ok' }])
    },
  )

  it('is skipped on Windows, where orphans cannot be identified', async () => {
    const context = doctorContext({ home: tempHome() }, { platform: 'win32' })
    expect(await findings(checkOrphan, context)).toMatchObject([{ status: 'skipped' }])
  })
})
