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

/** What a home's hosts know of each other, byte for byte. */
const state = (home: string) =>
  readdirSync(stateFolder(home)).map((name) => [name, readFileSync(join(stateFolder(home), name), 'utf8')])

/** A lock of somebody else's, by default of this very process. */
function leaveLock(home: string, holder: object = {}): void {
  mkdirSync(stateFolder(home), { recursive: true })
  const startTime = identify(process.pid)?.startTime ?? ''
  const whole = { id: 'somebody', pid: process.pid, startTime, host: 'box', at: 0, ...holder }
  writeFileSync(join(stateFolder(home), 'host.lock.3'), JSON.stringify(whole))
}

/** A process that a home's record takes for its server; `stranger`: with a marker of somebody else's. */
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
    '$name is skipped without --home, and where there can be none',
    async (check) => {
      expect(await findings(check, doctorContext())).toMatchObject([
        { status: 'skipped', finding: 'give --home' },
      ])
      const home = place(join(tempHome(), 'x'), '', 0o600)
      expect(await findings(check, doctorContext({ home }))).toMatchObject([
        { status: 'skipped', finding: 'the home comes first' },
      ])
    },
  )

  it.each([checkLock, checkOrphan])(
    '$name takes a home that nobody used, and makes nothing in it',
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
  it('names the host that has the home, since when, and what to do', async () => {
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
    ['of a process that is gone', { pid: 2 ** 22 - 3 }],
    ['of a pid that is somebody else now', { startTime: 'another boot:1' }],
    ['that was released', { released: true }],
    ['that is torn', { pid: 'x' }],
  ])('passes a lock over %s, and leaves it there', async (_what, holder) => {
    const home = tempHome()
    leaveLock(home, holder)
    const before = state(home)
    expect(await findings(checkLock, doctorContext({ home }))).toMatchObject([{ status: 'ok' }])
    expect(state(home)).toEqual(before)
  })

  it('tells the host by its own words, on one line', async () => {
    const home = tempHome()
    leaveLock(home, { host: 'b\no\u001b[31mx' })
    const [found] = await findings(checkLock, doctorContext({ home }))
    expect(found?.finding).toMatch(/ on b o.*x, since 1970-01-01T00:00:00\.000Z$/)
    expect(found?.finding).not.toContain('\u001b')
  })

  it('does not take a state folder that cannot be read for a free home', async () => {
    const home = tempHome()
    place(stateFolder(home), '', 0o600)
    await expect(findings(checkLock, doctorContext({ home }))).rejects.toThrow(/ENOTDIR/)
  })
})

describe('checkOrphan', () => {
  it('warns of a server without its host, by its pid, and shows no password', async () => {
    const home = tempHome()
    const { pid, child } = await leaveServer(home)
    leaveLock(home, { pid: 2 ** 22 - 3 })
    const before = state(home)
    const [found] = await findings(checkOrphan, doctorContext({ home }))
    expect(found).toMatchObject({ check: 'orphan', status: 'warning' })
    expect(found?.finding).toMatch(new RegExp(`process ${pid}$`))
    expect(found?.advice).toMatch(/^The next start ends it/)
    expect(JSON.stringify(found)).not.toContain(password)
    expect(state(home)).toEqual(before)
    expect(identify(pid)).toBeDefined()
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
    expect(await findings(checkOrphan, doctorContext({ home }))).toMatchObject([{ status: 'ok' }])
  })

  it('takes a server that has its host', async () => {
    const home = tempHome()
    const { pid } = await leaveServer(home)
    leaveLock(home)
    const finding = `the server, process ${pid}, has its host, process ${process.pid}`
    expect(await findings(checkOrphan, doctorContext({ home }))).toEqual([
      { check: 'orphan', status: 'ok', finding },
    ])
  })

  it.runIf(process.platform === 'linux')(
    'takes nobody for it who does not carry the marker: no start would end that',
    async () => {
      const home = tempHome()
      await leaveServer(home, { stranger: true })
      expect(await findings(checkOrphan, doctorContext({ home }))).toMatchObject([{ status: 'ok' }])
    },
  )

  it('is skipped on Windows, which knows none again', async () => {
    const context = doctorContext({ home: tempHome() }, { platform: 'win32' })
    expect(await findings(checkOrphan, context)).toMatchObject([{ status: 'skipped' }])
  })
})
