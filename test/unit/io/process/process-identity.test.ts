import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { describe, expect, it, onTestFinished } from 'vitest'
import { identify, identifyByPs, isSameProcess } from '../../../../src/io/process/process-identity.ts'

/** Starts a process that is killed when the test finishes. */
function start(command: string, args: readonly string[]) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  return { child, pid: child.pid ?? 0 }
}

const nobody = 2 ** 22 - 3

describe.each([
  ['identify', identify],
  ['identifyByPs', identifyByPs],
])('%s', (_name, look) => {
  it('identifies a process by its start time and command line', async () => {
    const one = start('sleep', ['300.5'])
    await expect.poll(() => look(one.pid)?.command).toBe('sleep 300.5')
    const { startTime = '' } = look(one.pid) ?? {}
    expect(startTime).not.toBe('')
    expect(look(one.pid)).toEqual({ startTime, command: 'sleep 300.5' })
    await expect
      .poll(() => look(start('sleep', ['300.5']).pid)?.startTime !== startTime, { interval: 500 })
      .toBe(true)
  })

  it('keeps the start time of a process that replaces its program', async () => {
    const { pid } = start('sh', ['-c', 'sleep 0.2; exec sleep 301'])
    const before = look(pid)
    await expect.poll(() => look(pid)?.command, { timeout: 5_000 }).toBe('sleep 301')
    expect(look(pid)?.startTime).toBe(before?.startTime)
  })

  it('returns undefined for a free pid and for a zombie', async () => {
    expect(look(nobody)).toBeUndefined()
    // The shell is replaced by a program that never reaps the inherited child.
    const { child } = start('sh', ['-c', 'sleep 0 & echo $!; exec sleep 302'])
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
    await expect.poll(() => readFileSync(`/proc/${line}/stat`, 'latin1')).toContain(') Z ')
    expect(look(Number(line))).toBeUndefined()
  })

  it('identifies a program with an unusual name', async () => {
    const { pid } = start('sh', ['-c', 'printf ") Z 1" >/proc/self/comm; sleep 300; :'])
    await expect.poll(() => readFileSync(`/proc/${pid}/stat`, 'latin1')).toContain(') Z 1)')
    expect(look(pid)?.command).toMatch(/^sh -c printf/)
  })
})

describe('isSameProcess', () => {
  it('returns true for the process with that start time, and if the start time is unknown', () => {
    const { startTime = '' } = identify(process.pid) ?? {}
    expect(isSameProcess(process.pid, startTime)).toBe(true)
    expect(isSameProcess(process.pid, '')).toBe(true)
  })

  it('returns false for another start time, and for a free pid', () => {
    expect(isSameProcess(process.pid, 'another boot:1')).toBe(false)
    expect(isSameProcess(nobody, '')).toBe(false)
  })
})
