import { describe, expect, test } from 'vitest'
import {
  FairQueue,
  type AgentSettings,
  type FairEntry,
  type Share,
} from '../../../../src/machines/fair-queue.ts'

const wide = { maxRunningTurns: 100, maxQueuedTurns: 100 }
const minute = 60_000

/** Script of one queue: what happens to it, in order. Agent `t1.a` belongs to tenant `t1`. */
class Script {
  queue: FairQueue
  now = 0

  constructor(limits: Partial<typeof wide> = {}, shares: Record<string, Partial<Share>> = {}) {
    const full = Object.entries(shares).map(
      ([tenant, share]) => [tenant, { ...wide, weight: 1, ...share }] as const,
    )
    this.queue = FairQueue.of({ ...wide, ...limits }, Object.fromEntries(full), { ...wide, weight: 1 })
  }

  set(agentId: string, settings: Partial<AgentSettings> = {}): this {
    const tenant = agentId.split('.')[0] ?? ''
    this.queue = this.queue.setAgent(agentId, { ...wide, tenant, group: 'ready', ...settings })
    return this
  }

  add(turnId: string, agentId: string, more: Partial<FairEntry> = {}): this {
    const tenant = agentId.split('.')[0] ?? ''
    if (this.queue.loadOfAgent(agentId).max === 0) this.set(agentId)
    const entry = { turnId, agentId, tenant, conversationId: turnId, priority: 5, at: this.now, ...more }
    this.queue = this.queue.add(entry, this.now)
    return this
  }

  wait(ms: number): this {
    this.now += ms
    return this
  }

  start(...turnIds: string[]): this {
    for (const turnId of turnIds) this.queue = this.queue.start(turnId, this.now)
    return this
  }

  end(...turnIds: string[]): this {
    this.queue = this.queue.remove(turnIds, this.now)
    return this
  }

  get first(): string | undefined {
    return this.queue.first('ready', this.now)?.turnId
  }

  /** Starts all that may start, and returns it in order. */
  admitAll(): string[] {
    const admitted: string[] = []
    for (let next = this.first; next !== undefined; next = this.first) {
      this.start(next)
      admitted.push(next)
    }
    return admitted
  }

  /** Runs one turn after the other, each for some time, and returns the order. */
  drain(ms = 1_000): string[] {
    const order: string[] = []
    for (let next = this.first; next !== undefined; next = this.first) {
      order.push(next)
      this.start(next).wait(ms).end(next)
    }
    return order
  }
}

describe('the order of tenants', () => {
  test('puts first the tenant that has used less running time', () => {
    const script = new Script().add('x1', 'x.a').add('x2', 'x.a').add('y1', 'y.a').add('y2', 'y.a')
    script.start('x1', 'y1').wait(100).end('y1').wait(50).end('x1')
    expect(script.drain(100)).toEqual(['y2', 'x2'])
  })

  test('counts running turns as they run', () => {
    const script = new Script().add('x1', 'x.a').start('x1').add('y1', 'y.a').start('y1')
    script.wait(10).end('y1').add('y2', 'y.a').add('x2', 'x.a')
    expect(script.wait(1).first).toBe('y2')
    // The running turn of y costs more than that of x from now on, because two run.
    script.start('y2').add('y3', 'y.a').add('y4', 'y.a').start('y3').wait(100)
    expect(script.first).toBe('x2')
  })

  test('divides the running time by the weight', () => {
    const script = new Script({}, { heavy: { weight: 3 } }).add('h1', 'heavy.a').add('l1', 'light.a')
    script.start('h1', 'l1').wait(100).end('l1').wait(100).add('l2', 'light.a').add('h2', 'heavy.a')
    // 200 / 3 ms are less than 100 ms.
    expect(script.first).toBe('h2')
    expect(script.wait(150).first).toBe('l2')
  })

  test('puts first, of equal ones, the tenant with fewer running turns for its weight', () => {
    const script = new Script({}, { heavy: { weight: 3 } })
      .add('l1', 'light.a')
      .add('h1', 'heavy.a')
      .add('h2', 'heavy.a')
    script.start('h1', 'h2', 'l1').add('l2', 'light.a').add('h3', 'heavy.a')
    expect(script.first).toBe('h3')
  })

  test('puts first, of equal ones, the tenant that was admitted least recently', () => {
    const script = new Script().add('x1', 'x.a').add('y1', 'y.a').start('y1', 'x1').end('y1', 'x1')
    expect(script.add('x2', 'x.a').add('y2', 'y.a').first).toBe('y2')
  })

  test('puts first, of tenants that are equal in all, the one that came first', () => {
    expect(new Script().add('y1', 'y.a').add('x1', 'x.a').add('z1', 'z.a').drain(0)).toEqual([
      'y1',
      'x1',
      'z1',
    ])
  })

  test('gives a tenant that becomes active the smallest virtual time of the active ones', () => {
    const script = new Script({ maxRunningTurns: 1 })
    for (const id of ['x1', 'x2', 'x3', 'x4']) script.add(id, 'x.a')
    script.start('x1').wait(100_000).end('x1').start('x2').add('y1', 'y.a').add('y2', 'y.a').add('y3', 'y.a')
    // y has not used any time, but gets no more than every second place.
    expect(script.wait(1_000).end('x2').drain()).toEqual(['y1', 'x3', 'y2', 'x4', 'y3'])
  })
})

describe('the order within a tenant', () => {
  test('puts higher priorities first', () => {
    const script = new Script()
      .add('low', 't.a', { priority: 0 })
      .add('usual', 't.b')
      .add('high', 't.c', { priority: 9 })
    expect(script.drain()).toEqual(['high', 'usual', 'low'])
  })

  test('puts higher priorities first, also if one is of an operation', () => {
    const script = new Script().add('low', 't.a').add('op', 't.b', { priority: 9, isOperation: true })
    expect(script.first).toBe('op')
    const [low, op] = ['low', 'op'].map((id) => script.queue.entry(id) as FairEntry) as [FairEntry, FairEntry]
    expect([script.queue.isBefore(op, low, 0), script.queue.isBefore(low, op, 0)]).toEqual([true, false])
  })

  test('puts an entry that stands for running turns before all others of its group, the first one first', () => {
    const more = { isOperation: true, isResuming: true }
    const script = new Script({ maxRunningTurns: 2 }, { x: { weight: 9 } }).add('run', 't.a').start('run')
    script.wait(1_000).add('x1', 'x.b', { priority: 9 })
    script.set('t.a', { group: 'cold' }).add('a', 't.a', more)
    expect(script.first).toBe('x1')
    script.set('x.b', { group: 'cold' }).set('t.c', { group: 'cold' }).add('c', 't.c', more)
    const [x1, a, c] = ['x1', 'a', 'c'].map((id) => script.queue.entry(id) as FairEntry) as [
      FairEntry,
      FairEntry,
      FairEntry,
    ]
    const { queue } = script
    expect(queue.first('cold', 1_000)).toBe(a)
    expect(queue.firstOfEachAgent('cold', 2, 1_000)).toEqual([a, c])
    expect(queue.firstOfEachAgent('cold', 3, 1_000)).toEqual([a, c, x1])
    expect([queue.isBefore(a, x1, 1_000), queue.isBefore(x1, c, 1_000)]).toEqual([true, false])
    expect(script.end('a').queue.first('cold', 1_000)).toBe(c)
    expect(script.start('c').queue.first('cold', 1_000)).toBe(x1)
  })

  test('does not let a priority pass another tenant', () => {
    const script = new Script().add('x1', 'x.a', { priority: 0 }).add('y1', 'y.a', { priority: 9 })
    expect(script.first).toBe('x1')
  })

  test('counts each minute of waiting as one step of priority', () => {
    const script = new Script().add('old', 't.a', { priority: 3 }).wait(2 * minute)
    script.add('same', 't.b', { priority: 5 }).add('higher', 't.c', { priority: 6 })
    expect(script.drain(0)).toEqual(['higher', 'old', 'same'])
  })

  test('counts the minutes from the first entry on, so that entries of the same minute are of the same age', () => {
    const script = new Script()
      .wait(minute - 1)
      .add('a1', 't.a')
      .add('a2', 't.a')
      .wait(2)
      .add('b1', 't.b')
    expect(script.drain(0)).toEqual(['a1', 'b1', 'a2'])
  })

  test('lets agents take turns', () => {
    const script = new Script()
    for (const id of ['a1', 'a2', 'a3']) script.add(id, 't.a')
    script.add('b1', 't.b').add('b2', 't.b').add('c1', 't.c')
    expect(script.drain(0)).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3'])
  })

  test('lets an agent that left and came back wait for its turn', () => {
    const script = new Script({ maxRunningTurns: 1 })
      .add('b1', 't.b')
      .start('b1')
      .add('a1', 't.a')
      .add('a2', 't.a')
    script.end('b1').start('a1').add('b2', 't.b').end('a1').start('b2').end('b2').add('b3', 't.b')
    expect(script.first).toBe('a2')
  })

  test('gives an agent whose turns wait for each other no age for that', () => {
    const script = new Script({ maxRunningTurns: 1 })
    for (let i = 0; i < 10; i++) script.add(`flood${i}`, 't.flooder')
    // The flooder gets a place each minute.
    for (let i = 0; i < 4; i++) script.start(`flood${i}`).wait(minute).end(`flood${i}`)
    script.start('flood4').add('light', 't.light').end('flood4')
    expect(script.first).toBe('light')
  })

  test('lets the most urgent turn of an agent speed up an older one of the same agent', () => {
    const script = new Script({ maxRunningTurns: 1 }).add('old', 't.a', { priority: 0 })
    for (let i = 0; i < 10; i++)
      script.add(`a${i}`, 't.a', { priority: 9 }).start(`a${i}`).wait(minute).end(`a${i}`)
    script.add('b', 't.b', { priority: 5 }).add('urgent', 't.a', { priority: 9 })
    expect(script.drain(0)).toEqual(['old', 'urgent', 'b'])
  })
})

describe('a conversation', () => {
  test('runs one entry at a time, first come, whatever the priorities', () => {
    const more = { conversationId: 'c' }
    const script = new Script()
      .add('c1', 't.a', { ...more, priority: 0 })
      .add('c2', 't.a', { ...more, priority: 9 })
    script.add('c3', 't.a', { ...more, isOperation: true })
    expect(script.admitAll()).toEqual(['c1'])
    expect(script.end('c1').admitAll()).toEqual(['c2'])
    expect(script.end('c2').admitAll()).toEqual(['c3'])
  })

  test('goes on with the next entry if its first one is removed while it waits', () => {
    const script = new Script()
      .add('c1', 't.a', { conversationId: 'c' })
      .add('c2', 't.a', { conversationId: 'c' })
    expect(script.end('c1').admitAll()).toEqual(['c2'])
  })

  test('of one agent has nothing to do with that of the same id of another agent', () => {
    const script = new Script()
      .add('a1', 't.a', { conversationId: 'c' })
      .add('b1', 't.b', { conversationId: 'c' })
    expect(script.admitAll()).toEqual(['a1', 'b1'])
  })

  test('ignores the start of an entry that is not its first', () => {
    const script = new Script()
      .add('c1', 't.a', { conversationId: 'c' })
      .add('c2', 't.a', { conversationId: 'c' })
    expect(script.start('c2').queue.isRunning('c2')).toBe(false)
  })
})

describe('limits', () => {
  test('pass over an agent that runs as many turns as it may', () => {
    const script = new Script()
      .set('t.a', { maxRunningTurns: 1 })
      .add('a1', 't.a')
      .add('a2', 't.a')
      .add('b1', 't.b')
    expect(script.admitAll()).toEqual(['a1', 'b1'])
    expect(script.end('a1').admitAll()).toEqual(['a2'])
  })

  test('pass over a tenant that runs as many turns as it may', () => {
    const script = new Script({}, { x: { maxRunningTurns: 1 } })
      .add('x1', 'x.a')
      .add('x2', 'x.b')
      .add('y1', 'y.a')
    expect(script.admitAll()).toEqual(['x1', 'y1'])
    expect(script.end('x1').admitAll()).toEqual(['x2'])
  })

  test('let only operations run if the fleet runs as many turns as it may', () => {
    const script = new Script({ maxRunningTurns: 1 }, { t: { maxRunningTurns: 1 } }).set('t.a', {
      maxRunningTurns: 1,
    })
    script.add('a1', 't.a').start('a1').add('a2', 't.a').add('op', 't.a', { isOperation: true })
    expect(script.admitAll()).toEqual(['op'])
    expect(script.queue.load).toEqual({ running: 1, queued: 1, max: 1 })
    expect([script.queue.runningOf('t.a'), script.queue.waitingOf('t.a')]).toEqual([2, 1])
  })

  test('of the fleet hold for all tenants together', () => {
    const script = new Script({ maxRunningTurns: 2 }).add('x1', 'x.a').add('y1', 'y.a').add('z1', 'z.a')
    expect(script.admitAll()).toEqual(['x1', 'y1'])
    expect(script.end('x1').admitAll()).toEqual(['z1'])
  })

  test('that are raised take effect at once', () => {
    const script = new Script()
      .set('t.a', { maxRunningTurns: 1 })
      .add('a1', 't.a')
      .add('a2', 't.a')
      .start('a1')
    expect(script.first).toBeUndefined()
    expect(script.set('t.a', { maxRunningTurns: 2 }).first).toBe('a2')
  })
})

describe('an operation', () => {
  test('charges nothing to its tenant, and does not change whose turn comes next', () => {
    const script = new Script().add('op', 'x.a', { isOperation: true }).start('op').wait(10_000)
    script.add('x1', 'x.a').add('y1', 'y.a')
    expect(script.first).toBe('x1')
  })
})

describe('an entry that is not in the queue', () => {
  const stranger = { turnId: 's', agentId: 's.a', tenant: 's', conversationId: 's', priority: 9, at: 0 }

  test('comes after each entry, and no entry comes before itself', () => {
    const { queue } = new Script().add('x1', 'x.a')
    const known = queue.entry('x1') ?? stranger
    const pairs = [
      [known, stranger],
      [stranger, known],
      [stranger, stranger],
      [known, known],
    ] as const
    expect(pairs.map(([a, b]) => queue.isBefore(a, b, 0))).toEqual([true, false, false, false])
  })

  test('is not started, and neither changes anything nor is removed', () => {
    const { queue } = new Script().add('x1', 'x.a')
    expect(queue.start('s', 0)).toBe(queue)
    expect(queue.remove(['s'], 0)).toBe(queue)
  })
})

describe('groups of agents', () => {
  test('hold the entries of their agents only', () => {
    const script = new Script().set('t.a', { group: 'cold' }).add('a1', 't.a').add('b1', 't.b')
    const { queue } = script
    expect(queue.first('cold', 0)?.turnId).toBe('a1')
    expect(queue.first('ready', 0)?.turnId).toBe('b1')
    expect(queue.first('held', 0)).toBeUndefined()
    expect(script.set('t.a', { group: 'held' }).queue.first('held', 0)?.turnId).toBe('a1')
    expect(script.queue.first('cold', 0)).toBeUndefined()
  })

  test('are told by their first entries, one of each agent, tenants in turn by their weights', () => {
    const script = new Script({}, { heavy: { weight: 2 } })
    for (const tenant of ['light', 'heavy'])
      for (const id of ['1', '2', '3', '4', '5', '6']) {
        const agentId = `${tenant}.${id}`
        script
          .set(agentId, { group: 'cold' })
          .add(`${agentId}.first`, agentId)
          .add(`${agentId}.second`, agentId)
      }
    const tenants = script.queue.firstOfEachAgent('cold', 6, 0).map(({ tenant }) => tenant)
    expect(tenants.filter((tenant) => tenant === 'heavy')).toHaveLength(4)
    const all = script.queue.firstOfEachAgent('cold', 100, 0).map(({ turnId }) => turnId)
    expect(all).toHaveLength(12)
    expect(all.every((id) => id.endsWith('.first'))).toBe(true)
  })

  test('are told as if each turn took the mean time', () => {
    const script = new Script({ maxRunningTurns: 10 })
    for (const id of ['x.1', 'x.2', 'x.3', 'x.4']) script.set(id, { group: 'cold' }).add(id, id)
    for (const id of ['y1', 'y2']) script.add(id, 'y.a').start(id).wait(1_000).end(id).add('y3', 'y.a')
    script.set('y.a', { group: 'cold' })
    // y has used 2 s: as much as two turns of x will take.
    const ids = script.queue.firstOfEachAgent('cold', 4, script.now).map(({ turnId }) => turnId)
    expect(ids).toEqual(['x.1', 'x.2', 'y3', 'x.3'])
  })

  test('are told up to the free places of tenant and fleet', () => {
    const script = new Script({ maxRunningTurns: 3 }, { x: { maxRunningTurns: 1 } })
    for (const id of ['x.1', 'x.2', 'y.1', 'y.2', 'y.3']) script.set(id, { group: 'cold' }).add(id, id)
    const ids = script.queue.firstOfEachAgent('cold', 10, 0).map(({ turnId }) => turnId)
    expect(ids.toSorted()).toEqual(['x.1', 'y.1', 'y.2'])
  })
})
