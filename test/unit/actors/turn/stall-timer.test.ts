import { SimulatedClock } from 'xstate'
import { beforeEach, describe, expect, it } from 'vitest'
import { settled } from '../../../../src/testing/virtual-time.ts'
import { StallTimer } from '../../../../src/actors/turn/stall-timer.ts'
import type { OpenCodeEvent } from '../../../../src/replies.ts'

const stallMs = 1_000
const event = (type = 'message.part.delta', fields: object = {}): OpenCodeEvent => ({
  type,
  properties: { sessionID: 'ses_1', ...fields },
})
const status = (type: string) => event('session.status', { status: { type } })
const call = { kind: 'tool_call', trace_id: null, call_id: 'c1', tool: 'bash', args: {} } as const
const result = {
  kind: 'tool_result',
  trace_id: null,
  call_id: 'c1',
  tool: 'bash',
  result: '',
  success: true,
} as const

describe('StallTimer', () => {
  let clock: SimulatedClock
  let timer: StallTimer
  let stalls: number[]

  beforeEach(() => {
    clock = new SimulatedClock()
    stalls = []
    timer = new StallTimer(clock as never, stallMs, () => stalls.push(clock.now()))
    timer.start()
  })

  /** Advances the clock in small steps, so that a timer that is set meanwhile fires in time. */
  async function pass(ms: number): Promise<void> {
    for (let i = 0; i < ms; i += 10) await increment(10)
  }

  /** Advances the clock in one step, and lets the event loop read the sockets. */
  async function increment(ms: number): Promise<void> {
    clock.increment(ms)
    await settled()
  }

  it('reports a stall once, when the time limit passes without progress', async () => {
    await pass(990)
    expect(stalls).toEqual([])
    await pass(10_000)
    expect(stalls).toEqual([1_000])
  })

  it('counts every event as progress', async () => {
    for (let i = 0; i < 20; i++) {
      await pass(900)
      timer.onEvent(event())
    }
    expect(stalls).toEqual([])
    await pass(990)
    expect(stalls).toEqual([])
    await pass(10)
    expect(stalls).toEqual([19_000])
  })

  it('does not set a timer per event', () => {
    let timers = 0
    const counting = { now: () => clock.now(), clearTimeout: () => {}, setTimeout: () => timers++ }
    const busy = new StallTimer(counting, stallMs, () => {})
    busy.start()
    for (let i = 0; i < 1_000; i++) busy.onEvent(event())
    expect(timers).toBe(1)
  })

  it('reports nothing after it was stopped', async () => {
    await pass(500)
    timer.stop()
    await pass(10_000)
    expect(stalls).toEqual([])
  })

  it('waits while a tool runs, and restarts the whole time limit afterwards', async () => {
    timer.onReply(call)
    await pass(60_000)
    timer.onReply(result)
    timer.onEvent(event())
    await pass(990)
    expect(stalls).toEqual([])
    await pass(10)
    expect(stalls).toEqual([61_000])
  })

  it('waits until the last of several tools has ended', async () => {
    timer.onReply(call)
    timer.onReply({ ...call, call_id: 'c2' })
    timer.onReply(result)
    await pass(5_000)
    expect(stalls).toEqual([])
    timer.onReply({ ...result, call_id: 'c2' })
    timer.onEvent(event())
    await pass(1_000)
    expect(stalls).toHaveLength(1)
  })

  it('waits while a request is pending, until this package or another client answers the request', async () => {
    timer.beginRequest('per_1')
    timer.beginRequest('que_1')
    await pass(5_000)
    timer.endRequest('per_1')
    await pass(5_000)
    expect(stalls).toEqual([])
    timer.onEvent(event('question.rejected', { requestID: 'que_1' }))
    await pass(990)
    expect(stalls).toEqual([])
    await pass(10)
    expect(stalls).toEqual([11_000])
  })

  it.each(['permission.replied', 'question.replied', 'question.rejected'])(
    'counts %s as the answer of a request',
    async (type) => {
      timer.beginRequest('r1')
      timer.onEvent(event(type, { requestID: 'r1' }))
      await pass(1_000)
      expect(stalls).toHaveLength(1)
    },
  )

  it('waits while a retry is scheduled, until the server is busy again', async () => {
    timer.beginRetry()
    timer.onEvent(status('retry'))
    await pass(60_000)
    expect(stalls).toEqual([])
    expect(timer.endRetry(status('idle'))).toBe(false)
    timer.onEvent(status('busy'))
    expect(timer.endRetry(status('busy'))).toBe(true)
    expect(timer.endRetry(status('busy'))).toBe(false)
    await pass(1_000)
    expect(stalls).toEqual([61_000])
  })

  it('does not wait for a retry whose notice was missed', async () => {
    timer.beginRetry()
    await pass(5_000)
    timer.resynced()
    await pass(990)
    expect(stalls).toEqual([])
    await pass(10)
    expect(stalls).toEqual([6_000])
  })

  it('reads pending data of the sockets before it reports a stall', async () => {
    await pass(990)
    // The timer fires. In the same round of the event loop the arrived data is read.
    clock.increment(10)
    timer.onEvent(event())
    await settled()
    expect(stalls).toEqual([])
    await pass(1_000)
    expect(stalls).toEqual([2_000])
  })

  it('reports nothing if it is stopped during the check', async () => {
    await pass(990)
    clock.increment(10)
    timer.stop()
    await settled()
    expect(stalls).toEqual([])
  })

  it('does not count the time for which the host was suspended', async () => {
    await pass(500)
    await increment(20_000)
    expect(stalls).toEqual([])
    // The whole time limit restarts, so that events that arrived meanwhile are read first.
    await pass(990)
    timer.onEvent(event())
    await pass(990)
    expect(stalls).toEqual([])
    await pass(10)
    expect(stalls).toEqual([22_490])
  })

  it('restarts the time limit for a suspended host only once per silence', async () => {
    await increment(5_000)
    expect(stalls).toEqual([])
    await increment(5_000)
    expect(stalls).toEqual([10_000])
  })

  it('does not count a reconnect of the stream as progress', async () => {
    await pass(900)
    timer.resynced()
    await pass(100)
    expect(stalls).toEqual([1_000])
  })
})
