import { execa } from 'execa'
import { describe, expect, it, onTestFinished } from 'vitest'
import { groupResidentMb, residentInPs } from '../../../../src/io/process/memory.ts'

/** Starts a process in its own group that holds the given amount of memory. Resolves when the memory is held. */
const holder = (mb: number) =>
  execa(
    process.execPath,
    [
      '-e',
      `const held = Buffer.alloc(${mb} * 1024 * 1024, 1); console.log(held.length); setInterval(() => held, 1e6)`,
    ],
    { detached: true, buffer: false, reject: false },
  )

describe('groupResidentMb', () => {
  it('returns the memory of all processes of the group', async () => {
    const child = holder(150)
    onTestFinished(() => end(child))
    await new Promise((resolve) => child.stdout.once('data', resolve))
    const { pid = 0 } = child
    const residentMb = (await groupResidentMb(pid)) ?? 0
    expect(residentMb).toBeGreaterThan(150)
    expect(residentMb).toBeLessThan(500)
    const { stdout } = await execa('ps', ['-A', '-o', 'pgid=', '-o', 'rss='])
    const [kilobytes = 0] = residentInPs(stdout, pid)
    expect(Math.abs(kilobytes / 1024 - residentMb)).toBeLessThan(20)
  })

  it('returns undefined for a group that has ended', async () => {
    const child = holder(1)
    const { pid = 0 } = child
    await end(child)
    expect(await groupResidentMb(pid)).toBeUndefined()
  })
})

async function end(child: ReturnType<typeof holder>): Promise<void> {
  child.kill('SIGKILL')
  await child
}

describe('residentInPs', () => {
  it('returns the figures of the group', () => {
    expect(residentInPs('    1  1000\n   42   512\n  142  9999\n   42  1024\n', 42)).toEqual([512, 1024])
  })

  it('returns no figures for empty output', () => {
    expect(residentInPs('', 42)).toEqual([])
  })
})
