import { SimulatedClock } from 'xstate'
import { beforeEach, describe, expect, it } from 'vitest'
import { StallWatch } from '../../src/actors/stall-watch.ts'
import type { OpenCodeEvent } from '../../src/replies.ts'

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

describe('StallWatch', () => {
  let clock: SimulatedClock
  let watch: StallWatch
  let stalls: number[]

  beforeEach(() => {
    clock = new SimulatedClock()
    stalls = []
    watch = new StallWatch(clock as never, stallMs, () => stalls.push(clock.now()))
    watch.start()
  })

  /** Time passes in small steps, so that a timer that is set while it passes fires in time. */
  function pass(ms: number): void {
    for (let i = 0; i < ms; i += 10) clock.increment(10)
  }

  it('notices that nothing happens, once, when the time is up', () => {
    pass(990)
    expect(stalls).toEqual([])
    pass(10_000)
    expect(stalls).toEqual([1_000])
  })

  it('takes every event for progress', () => {
    for (let i = 0; i < 20; i++) {
      pass(900)
      watch.onEvent(event())
    }
    expect(stalls).toEqual([])
    pass(990)
    expect(stalls).toEqual([])
    pass(10)
    expect(stalls).toEqual([19_000])
  })

  it('does not set a timer per event', () => {
    let timers = 0
    const counting = { now: () => clock.now(), clearTimeout: () => {}, setTimeout: () => timers++ }
    const busy = new StallWatch(counting, stallMs, () => {})
    busy.start()
    for (let i = 0; i < 1_000; i++) busy.onEvent(event())
    expect(timers).toBe(1)
  })

  it('notices nothing once stopped', () => {
    pass(500)
    watch.stop()
    pass(10_000)
    expect(stalls).toEqual([])
  })

  it('waits while a tool runs, and gives the whole time again after it', () => {
    watch.onReply(call)
    pass(60_000)
    watch.onReply(result)
    watch.onEvent(event())
    pass(990)
    expect(stalls).toEqual([])
    pass(10)
    expect(stalls).toEqual([61_000])
  })

  it('waits for the last of several tools', () => {
    watch.onReply(call)
    watch.onReply({ ...call, call_id: 'c2' })
    watch.onReply(result)
    pass(5_000)
    expect(stalls).toEqual([])
    watch.onReply({ ...result, call_id: 'c2' })
    watch.onEvent(event())
    pass(1_000)
    expect(stalls).toHaveLength(1)
  })

  it('waits while a request is pending, until it is answered by us or by somebody else', () => {
    watch.enterRequest('per_1')
    watch.enterRequest('que_1')
    pass(5_000)
    watch.leaveRequest('per_1')
    pass(5_000)
    expect(stalls).toEqual([])
    watch.onEvent(event('question.rejected', { requestID: 'que_1' }))
    pass(990)
    expect(stalls).toEqual([])
    pass(10)
    expect(stalls).toEqual([11_000])
  })

  it.each(['permission.replied', 'question.replied', 'question.rejected'])(
    'takes %s for an answer',
    (type) => {
      watch.enterRequest('r1')
      watch.onEvent(event(type, { requestID: 'r1' }))
      pass(1_000)
      expect(stalls).toHaveLength(1)
    },
  )

  it('waits while a retry is scheduled, until the server is busy again', () => {
    watch.enterRetry()
    watch.onEvent(status('retry'))
    pass(60_000)
    expect(stalls).toEqual([])
    expect(watch.leaveRetry(status('idle'))).toBe(false)
    watch.onEvent(status('busy'))
    expect(watch.leaveRetry(status('busy'))).toBe(true)
    expect(watch.leaveRetry(status('busy'))).toBe(false)
    pass(1_000)
    expect(stalls).toEqual([61_000])
  })

  it('does not wait for a retry of which a gap swallowed the beginning', () => {
    watch.enterRetry()
    pass(5_000)
    watch.resynced()
    pass(990)
    expect(stalls).toEqual([])
    pass(10)
    expect(stalls).toEqual([6_000])
  })

  it('does not count the time for which the host stood still', () => {
    pass(500)
    clock.increment(20_000)
    expect(stalls).toEqual([])
    // The whole stall time begins again, so that events that arrived meanwhile are read first.
    pass(990)
    watch.onEvent(event())
    pass(990)
    expect(stalls).toEqual([])
    pass(10)
    expect(stalls).toEqual([22_490])
  })

  it('is not put off for ever by a host that stands still', () => {
    for (let i = 0; i < 3; i++) clock.increment(5_000)
    pass(1_000)
    expect(stalls).toHaveLength(1)
  })

  it('takes a gap for no progress', () => {
    pass(900)
    watch.resynced()
    pass(100)
    expect(stalls).toEqual([1_000])
  })
})
