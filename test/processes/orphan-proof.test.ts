import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { reapOrphan } from '../../src/actors/server/orphan.ts'
import type * as Processes from '../../src/io/process/processes.ts'
import { choosePort } from '../../src/io/process/port.ts'
import { readRecord, writeRecord } from '../../src/io/home/server-record.ts'
import { tempHome } from '../support/home.ts'
import { standIn } from '../support/stand-in.ts'

// Simulates a system that does not show the environment of processes.
vi.mock('../../src/io/process/processes.ts', async (importOriginal) => ({
  ...(await importOriginal<typeof Processes>()),
  carriesMarker: () => undefined,
}))

const hostname = '127.0.0.1'
const username = 'opencode'
const password = 'hunter2hunter2'
const clock = {
  setTimeout: (fn: () => void, ms: number) => setTimeout(fn, ms),
  clearTimeout: (id: unknown) => clearTimeout(id as NodeJS.Timeout),
  now: () => performance.now(),
}

/** Starts a server with the password `wanted`, and writes its record with the password `remembered`. */
async function recorded(name: string, wanted: string | undefined, remembered: string | undefined) {
  const home = tempHome()
  const port = await choosePort(hostname, undefined)
  const command = [standIn(name), 'serve', '--port', String(port), '--hostname', hostname]
  const env = { PATH: process.env['PATH'], HOME: home, ...(wanted && { OPENCODE_SERVER_PASSWORD: wanted }) }
  const child = spawn(command[0] ?? '', command.slice(1), {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
    env,
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(createInterface(child.stdout), 'line')
  const pid = child.pid ?? 0
  const place = { hostname, port, username, ...(remembered && { password: remembered }) }
  writeRecord(home, { pid, command, ...place, marker: randomUUID() })
  const reap = () => reapOrphan({ home, stopGraceMs: 2_000, clock, signal: new AbortController().signal })
  return { home, child, pid, reap }
}

describe('an orphan whose environment cannot be read', () => {
  it('is reaped if it accepts only the recorded password', async () => {
    const { home, child, pid, reap } = await recorded('well-behaved', password, password)
    expect(await reap()).toBe(pid)
    await expect.poll(() => child.signalCode).toBe('SIGTERM')
    expect(readRecord(home)).toBeUndefined()
  })

  it.each([
    ['accepts another password', 'well-behaved', 'another password', password],
    ['accepts no password', 'well-behaved', undefined, password],
    [
      'was recorded without a password, so that any process could answer',
      'well-behaved',
      undefined,
      undefined,
    ],
    ['does not answer', 'wedges-after-start', password, password],
  ])('is not ended if it %s', async (_name, name, wanted, remembered) => {
    const { home, child, pid, reap } = await recorded(name, wanted, remembered)
    if (name === 'wedges-after-start') process.kill(pid, 'SIGSTOP')
    expect(await reap()).toBeUndefined()
    expect([child.exitCode, child.signalCode]).toEqual([null, null])
    expect(process.kill(pid, 0)).toBe(true)
    expect(readRecord(home)).toBeUndefined()
  })
})
