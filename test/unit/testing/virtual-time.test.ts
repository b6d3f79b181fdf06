import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, expectTypeOf, it, vi } from 'vitest'
import { createActor, setup, type SimulatedClock } from 'xstate'
import { clockOf, elapse } from '../../../src/actors/clock.ts'
import { virtualTime, type VirtualTime } from '../../../src/testing/index.ts'

describe('virtualTime', () => {
  it('moves only by advance', async () => {
    const time = virtualTime()
    const fired: number[] = []
    time.setTimeout(() => fired.push(time.now()), 1_000)
    const cleared = time.setTimeout(() => fired.push(-1), 500)
    time.clearTimeout(cleared)
    await time.advance(999)
    expect([fired, time.now(), time.pending]).toEqual([[], 999, 1])
    await time.advance(1)
    expect([fired, time.pending]).toEqual([[1_000], 0])
  })

  it('settles promises between timers, and fires the timers that they set', async () => {
    const time = virtualTime()
    const moments: number[] = []
    const walk = async () => {
      for (let i = 0; i < 3; i++) {
        await elapse(clockOf({ _clock: time } as never), 100)
        await Promise.resolve()
        moments.push(time.now())
      }
    }
    const walked = walk()
    await time.advance(1_000)
    await walked
    expect(moments).toEqual([100, 200, 300])
  })

  it('drives the delays of a machine', async () => {
    const machine = setup({}).createMachine({
      initial: 'red',
      states: { red: { after: { 60_000: 'green' } }, green: { after: { 0.4: 'amber' } }, amber: {} },
    })
    const time = virtualTime()
    const actor = createActor(machine, { clock: time }).start()
    await time.advance(59_999)
    expect(actor.getSnapshot().value).toBe('red')
    await time.advance(1)
    expect(actor.getSnapshot().value).toBe('amber')
  })

  it('waits between timers for real work', async () => {
    const time = virtualTime()
    const answers: number[] = []
    let asked: Promise<void> | undefined
    const ask = (): void => {
      asked = sleep(5).then(() => {
        answers.push(time.now())
        time.setTimeout(ask, 100)
      })
    }
    time.setTimeout(ask, 100)
    await time.advance(350, async () => asked)
    expect(answers).toEqual([100, 200, 300])
  })

  it('allows concurrent calls of advance, also under fake timers', async () => {
    vi.useFakeTimers()
    try {
      const time = virtualTime()
      await Promise.all([time.advance(10), time.advance(30), time.advance()])
      expect(time.now()).toBe(30)
    } finally {
      vi.useRealTimers()
    }
  })

  it('is a clock of XState', () => {
    expectTypeOf<VirtualTime>().toExtend<SimulatedClock>()
    expectTypeOf(virtualTime).returns.toEqualTypeOf<VirtualTime>()
  })
})
