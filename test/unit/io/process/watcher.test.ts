import type * as ChildProcess from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { startWatcher } from '../../../../src/io/process/watcher.ts'
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
