import { spawn } from 'node:child_process'
import type * as ChildProcess from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { markerVariable } from '../../../../src/io/opencode/environment.ts'
import { listPids, readStat } from '../../../../src/io/process/proc.ts'
import { startWatcher } from '../../../../src/io/process/watcher.ts'
import { ignoreErrors } from '../../../../src/util/ignore-errors.ts'
import { tempHome, watchersOf } from '../../../support/home.ts'

/** Failures of Node's spawn: a process without pid and an 'error' event (EMFILE, EAGAIN), or an exception (ENOMEM). */
const { refusals } = vi.hoisted(() => ({ refusals: [] as ('EMFILE' | 'EAGAIN' | 'ENOMEM')[] }))

vi.mock('node:child_process', async (importOriginal) => {
  const original = await importOriginal<typeof ChildProcess>()
  const spawn = (...args: Parameters<typeof original.spawn>): unknown => {
    const code = refusals.shift()
    if (code === undefined) return original.spawn(...args)
    const error = Object.assign(new Error(`spawn ${code}`), { code })
    if (code === 'ENOMEM') throw error
    const child = Object.assign(new EventEmitter(), { unref: () => undefined, kill: () => false })
    process.nextTick(() => child.emit('error', error))
    return child
  }
  return { ...original, spawn }
})

beforeEach(() => void refusals.splice(0))

describe.runIf(process.platform === 'linux')('startWatcher', () => {
  it('retries a start that the host refuses temporarily, and then watches', async () => {
    const home = tempHome()
    refusals.push('EMFILE', 'ENOMEM', 'EAGAIN')
    const watcher = startWatcher(randomUUID(), home)
    onTestFinished(() => watcher.stop())
    watcher.watch(2 ** 22 - 3)
    expect(watchersOf(home)).toEqual([])
    await expect.poll(() => watchersOf(home), { timeout: 10_000, interval: 10 }).toHaveLength(1)
    watcher.stop()
    await expect.poll(() => watchersOf(home), { timeout: 10_000, interval: 10 }).toEqual([])
  })

  it('starts no watcher after stop', () => {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    const home = tempHome()
    refusals.push('EAGAIN', 'EAGAIN')
    startWatcher(randomUUID(), home).stop()
    vi.advanceTimersByTime(60_000)
    expect(refusals).toEqual(['EAGAIN'])
    expect(vi.getTimerCount()).toBe(0)
    expect(watchersOf(home)).toEqual([])
  })
})

/** Starts a process of a spawn, which ignores SIGTERM, as the leader of its own group. */
function startLeader(marker: string): number {
  const child = spawn('/bin/sh', ['-c', "trap '' TERM; while :; do sleep 0.2; done"], {
    detached: true,
    stdio: 'ignore',
    env: { PATH: process.env['PATH'], [markerVariable]: marker },
  })
  const { pid = 0 } = child
  onTestFinished(() => void ignoreErrors(() => process.kill(-pid, 'SIGKILL')))
  return pid
}

const isAlive = (pid: number): boolean => ignoreErrors(() => process.kill(-pid, 0)) ?? false

/** Pids of the processes of a watcher's group. */
const groupOf = (leader: number): number[] =>
  listPids().filter((pid) => ignoreErrors(() => readStat(pid))?.group === leader)

describe.runIf(process.platform === 'linux')('The limit of a watcher', () => {
  it('kills the processes of a spawn at once when the host feeds the watcher no more, and the watcher ends', async () => {
    const [home, marker] = [tempHome(), randomUUID()]
    const pid = startLeader(marker)
    const watcher = startWatcher(marker, home)
    onTestFinished(() => watcher.stop())
    watcher.limit(2_000)
    watcher.watch(pid)
    // Fed three times within more than a limit: the processes live.
    const at = performance.now()
    for (let i = 1; i <= 3; i++) {
      await vi.waitUntil(() => performance.now() - at > i * 800, { interval: 10, timeout: 15_000 })
      watcher.fed()
    }
    expect(isAlive(pid)).toBe(true)
    const fedAt = performance.now()
    await expect.poll(() => isAlive(pid), { timeout: 10_000, interval: 10 }).toBe(false)
    expect(performance.now() - fedAt).toBeGreaterThan(1_800)
    await expect.poll(() => watchersOf(home), { timeout: 10_000, interval: 10 }).toEqual([])
  })

  it('ends with a limit of 0, and leaves no process after stop', async () => {
    const [home, marker] = [tempHome(), randomUUID()]
    const pid = startLeader(marker)
    const watcher = startWatcher(marker, home)
    watcher.watch(pid)
    watcher.limit(20_000)
    await expect.poll(() => watchersOf(home), { timeout: 10_000, interval: 10 }).toHaveLength(2)
    const [group = 0] = watchersOf(home).filter((id) => readStat(id)?.group === id)
    watcher.limit(0)
    await expect.poll(() => watchersOf(home), { timeout: 10_000, interval: 10 }).toHaveLength(1)
    expect(isAlive(pid)).toBe(true)
    watcher.limit(20_000)
    await expect.poll(() => groupOf(group).length, { timeout: 10_000, interval: 10 }).toBeGreaterThan(2)
    watcher.stop()
    await expect.poll(() => groupOf(group), { timeout: 10_000, interval: 10 }).toEqual([])
  })
})
