import { randomUUID } from 'node:crypto'
import { execa } from 'execa'
import { describe, expect, it, onTestFinished } from 'vitest'
import { markerVariable } from '../../../../src/io/opencode/environment.ts'
import { residentInPs, treeResidentMb } from '../../../../src/io/process/memory.ts'
import { killLeftovers } from '../../../../src/io/process/processes.ts'

/** Code that holds memory and then prints a line. */
const hold = (mb: number) =>
  `const held = Buffer.alloc(${mb} * 1024 * 1024, 1); console.log(held.length); setInterval(() => held, 1e6)`

/** Starts a program in its own group, and resolves when the program has printed a line. */
async function started(code: string, env: Record<string, string> = {}) {
  const child = execa(process.execPath, ['-e', code], { detached: true, buffer: false, reject: false, env })
  onTestFinished(() => end(child))
  await new Promise((resolve) => child.stdout.once('data', resolve))
  return { child, pid: child.pid ?? 0 }
}

describe('treeResidentMb', () => {
  it('returns the memory of all processes of the group', async () => {
    const { pid } = await started(hold(150))
    const residentMb = (await treeResidentMb(pid, randomUUID())) ?? 0
    expect(residentMb).toBeGreaterThan(150)
    expect(residentMb).toBeLessThan(500)
    const { stdout } = await execa('ps', ['-A', '-o', 'pid=', '-o', 'ppid=', '-o', 'pgid=', '-o', 'rss='])
    const [kilobytes = 0] = residentInPs(stdout, pid)
    expect(Math.abs(kilobytes / 1024 - residentMb)).toBeLessThan(20)
  })

  it('counts a process that left the group and lost its parent, by the marker', async () => {
    const marker = randomUUID()
    const leaver = `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(hold(150))}], { detached: true, stdio: ['ignore', 1, 'ignore'] }).unref()`
    // A shell starts the program that starts the child, so that the child's parent ends.
    const code = `require('node:child_process').spawnSync(process.execPath, ['-e', ${JSON.stringify(leaver)}], { stdio: ['ignore', 1, 'ignore'] }); setInterval(() => 0, 1e6)`
    const { pid } = await started(code, { [markerVariable]: marker })
    onTestFinished(() => expect(killLeftovers(undefined, marker)).toBeGreaterThan(1))
    const withMarker = (await treeResidentMb(pid, marker)) ?? 0
    const without = (await treeResidentMb(pid, randomUUID())) ?? 0
    expect(withMarker - without).toBeGreaterThan(150)
  })

  it('returns undefined for a group that has ended', async () => {
    const { child, pid } = await started(hold(1))
    await end(child)
    expect(await treeResidentMb(pid, randomUUID())).toBeUndefined()
  })
})

async function end(child: { kill(signal: 'SIGKILL'): boolean } & PromiseLike<unknown>): Promise<void> {
  child.kill('SIGKILL')
  await child
}

describe('residentInPs', () => {
  const lines = `
   42     1    42   512
   43    42    42  1024
   44    43    44   100
   45    44    45    10
   46     1    46  9999
  142     1   142  9999
`

  it('returns the figures of the group and of its descendants', () => {
    expect(residentInPs(lines, 42)).toEqual([512, 1024, 100, 10])
  })

  it('returns no figures for empty output', () => {
    expect(residentInPs('', 42)).toEqual([])
  })
})
