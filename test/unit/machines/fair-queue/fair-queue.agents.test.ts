import { describe, expect, test } from 'vitest'
import { FairQueue, type AgentSettings, type FairEntry } from '../../../../src/machines/fair-queue.ts'

const limits = { maxRunningTurns: 2, maxQueuedTurns: 4 }
const share = { weight: 1, maxRunningTurns: 2, maxQueuedTurns: 3 }
const settings: AgentSettings = { tenant: 't', maxRunningTurns: 1, maxQueuedTurns: 2, group: 'ready' }
const empty = FairQueue.of(limits, {}, share)

const entryOf = (turnId: string, agentId = 'a', tenant = 't'): FairEntry => {
  return { turnId, agentId, tenant, conversationId: turnId, priority: 5, at: 0 }
}

/** Returns a queue with waiting turns, named `<agent><number>`. */
const queueOf = (...turnIds: string[]): FairQueue =>
  turnIds.reduce((queue, turnId) => {
    const agentId = turnId.slice(0, 1)
    return queue.setAgent(agentId, settings).add(entryOf(turnId, agentId), 0)
  }, empty)

describe('overflow', () => {
  test('names the first limit that a further waiting turn would exceed', () => {
    expect(queueOf('a1').overflow('a', 't', 'later')).toBeUndefined()
    expect(queueOf('a1', 'a2').overflow('a', 't', 'later')).toBe('agent')
    expect(queueOf('a1', 'a2', 'b1').overflow('b', 't', 'later')).toBe('tenant')
    expect(queueOf('a1', 'a2', 'b1', 'b2').overflow('c', 'other', 'later')).toBe('fleet')
  })

  test('lets as many turns in as could run, if only the start of the server makes a turn wait', () => {
    const queue = queueOf('a1', 'a2', 'b1', 'b2')
    expect(queue.overflow('c', 'other', 'soon')).toBeUndefined()
    const full = queue.start('a1', 0).start('b1', 0).add(entryOf('a3'), 0).add(entryOf('a4'), 0)
    expect(full.overflow('c', 'other', 'soon')).toBe('fleet')
  })

  test('counts neither running turns nor operations', () => {
    const queue = queueOf('a1', 'a2')
      .start('a1', 0)
      .add({ ...entryOf('op'), isOperation: true }, 0)
    expect(queue.overflow('a', 't', 'later')).toBeUndefined()
    expect(queue.load).toEqual({ running: 1, queued: 1, max: 2 })
  })
})

describe('expectedWaitMs', () => {
  test('is 0 if no turn has run', () => {
    expect(queueOf('a1', 'a2').expectedWaitMs('a', 't', 1_000)).toBe(0)
  })

  test('takes the age of the running turns while none has ended', () => {
    expect(queueOf('a1', 'b1').start('a1', 0).expectedWaitMs('c', 't', 3_000)).toBe(3_000)
  })

  test('multiplies the mean duration by the turns that wait for the places of the agent', () => {
    const queue = queueOf('a1', 'a2', 'a3', 'a4').start('a1', 0).remove(['a1'], 2_000).start('a2', 2_000)
    // Two turns wait, and one runs, in one place: the new turn is the third.
    expect(queue.expectedWaitMs('a', 't', 2_000)).toBe(6_000)
  })

  test('divides the places of a full fleet by the weights of the tenants', () => {
    let queue = queueOf('a1').start('a1', 0).remove(['a1'], 1_000)
    for (const tenant of ['x', 'y'])
      for (const id of ['1', '2', '3', '4', '5']) {
        const agentId = tenant + id
        queue = queue.setAgent(agentId, { ...settings, tenant }).add(entryOf(agentId, agentId, tenant), 1_000)
      }
    queue = queue.start('x1', 1_000).start('y1', 1_000)
    // Four turns of x wait for one of two places.
    expect(queue.expectedWaitMs('x9', 'x', 1_000)).toBe(5_000)
  })
})

describe('setAgent', () => {
  test('moves all entries of an agent to another tenant, with their running time from now on', () => {
    let queue = queueOf('a1', 'a2').start('a1', 0).add(entryOf('a3'), 100)
    queue = queue.setAgent('a', { ...settings, tenant: 'other' })
    expect(queue.tenants()).toEqual(['other'])
    expect(queue.loadOf('other')).toEqual({ running: 1, queued: 2, max: 2 })
    expect(queue.loadOf('t')).toEqual({ running: 0, queued: 0, max: 2 })
  })

  test('returns the same version if nothing changes', () => {
    const queue = queueOf('a1')
    expect(queue.setAgent('a', { ...settings })).toBe(queue)
  })
})

describe('add', () => {
  test('throws for an agent that was not set, or was forgotten since', () => {
    expect(() => empty.add(entryOf('a1'), 0)).toThrow('the agent a is not set')
    expect(() => queueOf('a1').remove(['a1'], 0).add(entryOf('a2'), 0)).toThrow('the agent a is not set')
  })

  test('ignores an entry that is there', () => {
    const queue = queueOf('a1')
    expect(queue.add(entryOf('a1'), 5)).toBe(queue)
  })
})

describe('remove', () => {
  test('ignores unknown ids, and ids named twice', () => {
    const queue = queueOf('a1', 'a2')
    expect(queue.remove(['b1'], 0)).toBe(queue)
    expect(queue.remove(['a1', 'b1', 'a1'], 0).loadOfAgent('a')).toEqual({ running: 0, queued: 1, max: 1 })
  })

  test('forgets agents and tenants that have nothing left', () => {
    let queue = empty
    for (let i = 0; i < 1_000; i++)
      queue = queue
        .setAgent(`a${i}`, settings)
        .add(entryOf(`turn${i}`, `a${i}`), 0)
        .start(`turn${i}`, 0)
    const ids = Array.from({ length: 1_000 }, (_, i) => `turn${i}`)
    queue = queue.remove(ids, 10)
    expect(queue.tenants()).toEqual([])
    expect(ids.some((id) => queue.has(id))).toBe(false)
    expect(queue.loadOfAgent('a7')).toEqual({ running: 0, queued: 0, max: 0 })
  })
})
