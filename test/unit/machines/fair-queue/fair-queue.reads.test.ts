import { describe, expect, it } from 'vitest'
import { FairQueue, type AgentSettings, type FairEntry } from '../../../../src/machines/fair-queue.ts'

const limits = { maxRunningTurns: 4, maxQueuedTurns: 3 }

/** Returns a queue with the agent `a` of the tenant `t`. */
const queueOf = (settings: Partial<AgentSettings> = {}, fleet: Partial<typeof limits> = {}): FairQueue =>
  FairQueue.of({ ...limits, ...fleet }, {}, { ...limits, weight: 1 }).setAgent('a', {
    ...{ tenant: 't', group: 'ready', ...limits },
    ...settings,
  })

const entry = (turnId: string, more: Partial<FairEntry> = {}): FairEntry => ({
  ...{ turnId, agentId: 'a', tenant: 't', conversationId: turnId, priority: 5, at: 0 },
  ...more,
})

/** Returns the queue with waiting turns. */
const withTurns = (queue: FairQueue, ...turnIds: string[]): FairQueue =>
  turnIds.reduce((next, turnId) => next.add(entry(turnId), 0), queue)

describe('firstOf', () => {
  it('returns the entry that the agent would run next, also beyond a limit', () => {
    const queue = withTurns(queueOf({ maxRunningTurns: 1 }), 't1', 't2', 't3').start('t1', 0)
    expect(queue.first('ready', 0)).toBeUndefined()
    expect(queue.firstOf('a')).toEqual(entry('t2'))
    const urgent = entry('op', { priority: 9, isOperation: true })
    expect(queue.add(urgent, 0).firstOf('a')).toEqual(urgent)
    expect(queue.add({ ...urgent, priority: 4 }, 0).firstOf('a')).toEqual(entry('t2'))
  })

  it('returns undefined for an agent without waiting entries, and for an unknown agent', () => {
    expect(withTurns(queueOf(), 't1').start('t1', 0).firstOf('a')).toBeUndefined()
    expect(queueOf().firstOf('nobody')).toBeUndefined()
  })
})

describe('The entries of an agent', () => {
  it('are listed and counted, waiting and running ones', () => {
    const queue = withTurns(queueOf(), 't1', 't2', 't3').start('t2', 0)
    expect(queue.idsOf('a')).toEqual(['t1', 't2', 't3'])
    expect([queue.runningOf('a'), queue.waitingOf('a')]).toEqual([1, 2])
  })

  it('are none for an unknown agent', () => {
    const queue = withTurns(queueOf(), 't1')
    expect(queue.idsOf('nobody')).toEqual([])
    expect([queue.runningOf('nobody'), queue.waitingOf('nobody')]).toEqual([0, 0])
  })
})

describe('isBusy', () => {
  it('is true for a conversation with a waiting or running entry, and for no other', () => {
    const queue = withTurns(queueOf(), 'c1', 'c3').start('c3', 0)
    expect(['c0', 'c1', 'c2', 'c3', 'c4'].map((id) => queue.isBusy('a', id))).toEqual([
      ...[false, true, false, true, false],
    ])
    expect(queue.remove(['c1'], 0).isBusy('a', 'c1')).toBe(false)
    expect(queue.isBusy('nobody', 'c1')).toBe(false)
  })
})

describe('overflow', () => {
  const turns = (n: number): string[] => Array.from({ length: n }, (_, i) => `t${i}`)

  it('names the first limit of waiting turns that a turn would exceed', () => {
    const queue = withTurns(queueOf(), ...turns(2))
    expect(queue.overflow('a', 't', 'later')).toBeUndefined()
    expect(queue.add(entry('t2'), 0).overflow('a', 't', 'later')).toBe('fleet')
    const wide = withTurns(queueOf({}, { maxQueuedTurns: 9 }), ...turns(3))
    expect(wide.overflow('a', 't', 'later')).toBe('tenant')
    expect(wide.overflow('b', 'u', 'later')).toBeUndefined()
    expect(withTurns(queueOf({ maxQueuedTurns: 1 }), 't1').overflow('a', 't', 'later')).toBe('agent')
  })

  it('counts no turns that can run when the server is there', () => {
    const queue = withTurns(queueOf({ maxQueuedTurns: 0, maxRunningTurns: 2 }), 't1')
    expect(queue.overflow('a', 't', 'later')).toBe('agent')
    expect(queue.overflow('a', 't', 'soon')).toBeUndefined()
    expect(queue.add(entry('t2'), 0).overflow('a', 't', 'soon')).toBe('agent')
    expect(queue.start('t1', 0).overflow('a', 't', 'soon')).toBeUndefined()
    expect(queue.start('t1', 0).add(entry('t2'), 0).overflow('a', 't', 'soon')).toBe('agent')
  })

  it('lets no running turns above a lowered limit lower the limit of waiting turns', () => {
    const running = withTurns(queueOf(), ...turns(3))
    const queue = turns(3)
      .reduce((next, id) => next.start(id, 0), running)
      .setAgent('a', { tenant: 't', group: 'ready', maxRunningTurns: 1, maxQueuedTurns: 2 })
      .add(entry('t3'), 0)
    expect(queue.overflow('a', 't', 'soon')).toBeUndefined()
    expect(queue.add(entry('t4'), 0).overflow('a', 't', 'soon')).toBe('agent')
  })
})
