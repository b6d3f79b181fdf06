import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { CommitTimer } from '../../../../src/gateway/log/commit-timer.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'performance'] })
  onTestFinished(() => void vi.useRealTimers())
})

/** Timer whose last commit took 2 ms, and the times of its further commits in ms. */
function timerAfterCommit() {
  const start = performance.now()
  const times: number[] = []
  const timer = new CommitTimer(() => times.push(Math.round(performance.now() - start)))
  timer.ended(2)
  return { timer, times }
}

describe('the time of the next commit', () => {
  it('leaves most of the thread to other work', () => {
    const { timer, times } = timerAfterCommit()
    timer.schedule(false)
    vi.advanceTimersByTime(100)
    expect(times).toEqual([8])
  })

  it('comes early if a caller waits, also if a later commit was planned', () => {
    const { timer, times } = timerAfterCommit()
    timer.schedule(false)
    timer.schedule(true)
    timer.schedule(false)
    vi.advanceTimersByTime(100)
    expect(times).toEqual([2])
  })

  it('comes late after a failed commit, also if a caller waits', () => {
    const { timer, times } = timerAfterCommit()
    timer.ended('failed')
    timer.schedule(true)
    vi.advanceTimersByTime(2_000)
    expect(times).toEqual([1_000])
  })
})
