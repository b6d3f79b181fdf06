import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { describe, expect, it, onTestFinished } from 'vitest'
import { identify, identifyByPs, isSameProcess } from '../../../../src/io/process/process-identity.ts'

/** A process that is ended with the test. */
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
  it('knows a process by its start and its command line, whoever else runs the same', async () => {
    const one = start('sleep', ['300.5'])
    await expect.poll(() => look(one.pid)?.command).toBe('sleep 300.5')
    const { startTime = '' } = look(one.pid) ?? {}
    expect(startTime).not.toBe('')
    expect(look(one.pid)).toEqual({ startTime, command: 'sleep 300.5' })
    await expect
      .poll(() => look(start('sleep', ['300.5']).pid)?.startTime !== startTime, { interval: 500 })
      .toBe(true)
  })

  it('keeps the start where a process becomes another program', async () => {
    const { pid } = start('sh', ['-c', 'sleep 0.2; exec sleep 301'])
    const before = look(pid)
    await expect.poll(() => look(pid)?.command, { timeout: 5_000 }).toBe('sleep 301')
    expect(look(pid)?.startTime).toBe(before?.startTime)
  })

  it('knows nobody by a pid that is free, or of one that ended and was not reaped', async () => {
    expect(look(nobody)).toBeUndefined()
    // The shell becomes a program that never waits for the child it inherits.
    const { child } = start('sh', ['-c', 'sleep 0 & echo $!; exec sleep 302'])
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
    await expect.poll(() => readFileSync(`/proc/${line}/stat`, 'latin1')).toContain(') Z ')
    expect(look(Number(line))).toBeUndefined()
  })

  it('is not confused by a program with an odd name', async () => {
    const { pid } = start('sh', ['-c', 'printf ") Z 1" >/proc/self/comm; sleep 300; :'])
    await expect.poll(() => readFileSync(`/proc/${pid}/stat`, 'latin1')).toContain(') Z 1)')
    expect(look(pid)?.command).toMatch(/^sh -c printf/)
  })
})

describe('isSameProcess', () => {
  it('is true of the process that started then, and of one of which that is not known', () => {
    const { startTime = '' } = identify(process.pid) ?? {}
    expect(isSameProcess(process.pid, startTime)).toBe(true)
    expect(isSameProcess(process.pid, '')).toBe(true)
  })

  it('is false of one that started at another time, and of nobody', () => {
    expect(isSameProcess(process.pid, 'another boot:1')).toBe(false)
    expect(isSameProcess(nobody, '')).toBe(false)
  })
})
