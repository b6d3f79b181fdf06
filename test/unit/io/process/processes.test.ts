import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { randomUUID } from 'node:crypto'
import { describe, expect, it, onTestFinished } from 'vitest'
import { markerVariable } from '../../../../src/io/opencode/environment.ts'
import { findLeftovers, killLeftovers, signalGroup } from '../../../../src/io/process/processes.ts'

/**
 * Starts a process in its own group with three descendants: a child in the group, a process in a session of its own (as
 * opencode's bash tool starts them), and a process that left the group and lost its parent. `pids` are all four, and
 * `leader` is the first.
 */
async function tree(marker: string): Promise<{ leader: number; pids: number[] }> {
  const script = `
    sleep 300 & echo $!
    setsid sh -c 'echo $$; exec sleep 300' &
    (setsid sh -c 'echo $$; exec sleep 300' &)
    wait`
  const child = spawn('sh', ['-c', script], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { PATH: process.env['PATH'], [markerVariable]: marker },
  })
  const leader = child.pid ?? 0
  const pids = [leader]
  onTestFinished(() => {
    for (const pid of pids) if (isAlive(pid)) process.kill(pid, 'SIGKILL')
  })
  for await (const line of createInterface(child.stdout)) {
    pids.push(Number(line))
    if (pids.length === 4) break
  }
  // The environment of a process that is replacing its program reads as empty.
  await expect.poll(() => pids.every((pid) => commandOf(pid) !== 'sh' || pid === leader)).toBe(true)
  return { leader, pids }
}

const commandOf = (pid: number): string => readFileSync(`/proc/${pid}/comm`, 'latin1').trim()

/** Returns whether a process runs; false for a zombie. */
function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2))
  } catch {
    return false
  }
}

const allEnd = (pids: readonly number[]) =>
  expect.poll(() => pids.filter(isAlive), { timeout: 5_000, interval: 5 }).toEqual([])

const sorted = (pids: readonly number[]) => [...pids].sort((a, b) => a - b)

describe.runIf(process.platform === 'linux')('findLeftovers', () => {
  it('finds the processes of the group, and by the marker those that left the group', async () => {
    const marker = randomUUID()
    const { leader, pids } = await tree(marker)
    expect(sorted(findLeftovers(leader, marker))).toEqual(sorted(pids))
    expect(sorted(findLeftovers(undefined, marker))).toEqual(sorted(pids))
    expect(sorted(findLeftovers(leader, 'other'))).toEqual(sorted(pids.slice(0, 2)))
  })

  it('finds nothing for a marker that is only a prefix of another marker', async () => {
    const marker = randomUUID()
    await tree(`${marker}-and-more`)
    expect(findLeftovers(undefined, marker)).toEqual([])
  })

  it('ignores zombies', async () => {
    const marker = randomUUID()
    // The shell is replaced by a program that never reaps the inherited child.
    const child = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 300'], {
      detached: true,
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { PATH: process.env['PATH'], [markerVariable]: marker },
    })
    const leader = child.pid ?? 0
    onTestFinished(() => void signalGroup(leader, 'SIGKILL'))
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
    const zombie = Number(line)
    await expect
      .poll(() => readFileSync(`/proc/${zombie}/stat`, 'latin1'), { interval: 5, timeout: 15_000 })
      .toContain(') Z ')
    expect(findLeftovers(leader, marker)).toEqual([leader])
  })

  it('never finds this process, even if it is in the group', () => {
    const stat = readFileSync('/proc/self/stat', 'latin1')
    const group = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2])
    expect(findLeftovers(group, randomUUID())).not.toContain(process.pid)
  })
})

describe.runIf(process.platform === 'linux')('killLeftovers', () => {
  it('kills all processes of a spawn, returns their number, and spares other spawns', async () => {
    const [marker, otherMarker] = [randomUUID(), randomUUID()]
    const [ours, other] = [await tree(marker), await tree(otherMarker)]
    expect(killLeftovers(ours.leader, marker)).toBe(4)
    await allEnd(ours.pids)
    expect(killLeftovers(ours.leader, marker)).toBe(0)
    expect(other.pids.filter(isAlive)).toEqual(other.pids)
    expect(killLeftovers(undefined, otherMarker)).toBe(4)
    await allEnd(other.pids)
  })
})

describe('signalGroup', () => {
  it('signals the whole group, and nothing else', async () => {
    const { leader, pids } = await tree(randomUUID())
    signalGroup(leader, 'SIGTERM')
    await allEnd(pids.slice(0, 2))
    expect(pids.slice(2).every(isAlive)).toBe(true)
  })

  it('ignores a group that has ended', () => {
    expect(() => signalGroup(2 ** 22 - 3, 'SIGKILL')).not.toThrow()
  })
})
