import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FairQueue, type AgentGroup, type AgentSettings } from '../../../../src/machines/fair-queue.ts'
import { Reference } from './reference.ts'

const groups: readonly AgentGroup[] = ['ready', 'cold', 'held']
const agents = ['a0', 'a1', 'a2', 'a3', 'a4']
const tenants = ['t0', 't1', 't2']

const limits = { maxRunningTurns: 4, maxQueuedTurns: 12 }
const shares = {
  t0: { weight: 1, maxRunningTurns: 3, maxQueuedTurns: 6 },
  t1: { weight: 3, maxRunningTurns: 2, maxQueuedTurns: 6 },
}
const fallback = { weight: 2, maxRunningTurns: 4, maxQueuedTurns: 8 }

const index = fc.nat(30)
const agentSettings: fc.Arbitrary<AgentSettings> = fc.record({
  tenant: fc.constantFrom(...tenants),
  maxRunningTurns: fc.integer({ min: 1, max: 3 }),
  maxQueuedTurns: fc.integer({ min: 0, max: 5 }),
  group: fc.constantFrom(...groups),
})
const added = fc.record({
  type: fc.constant('add' as const),
  agentId: fc.constantFrom(...agents),
  conversation: fc.nat(2),
  priority: fc.constantFrom(4, 5, 6),
  isOperation: fc.oneof(
    { arbitrary: fc.constant(false), weight: 4 },
    { arbitrary: fc.constant(true), weight: 1 },
  ),
})
const step = fc.oneof(
  { arbitrary: added, weight: 6 },
  {
    arbitrary: fc.record({
      type: fc.constant('wait' as const),
      ms: fc.constantFrom(0, 1, 7, 250, 30_000, 61_000),
    }),
    weight: 3,
  },
  {
    arbitrary: fc.record({ type: fc.constant('admit' as const), group: fc.constantFrom(...groups) }),
    weight: 5,
  },
  { arbitrary: fc.record({ type: fc.constant('end' as const), index }), weight: 3 },
  { arbitrary: fc.record({ type: fc.constant('start' as const), index }), weight: 1 },
  {
    arbitrary: fc.record({
      type: fc.constant('remove' as const),
      indexes: fc.array(index, { maxLength: 4 }),
    }),
    weight: 1,
  },
  {
    arbitrary: fc.record({
      type: fc.constant('set' as const),
      agentId: fc.constantFrom(...agents),
      settings: agentSettings,
    }),
    weight: 2,
  },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

const usual: AgentSettings = { tenant: 't0', maxRunningTurns: 2, maxQueuedTurns: 4, group: 'ready' }
/** Tenant of an agent that was never set, or was forgotten. */
const usualOf = (agentId: string): AgentSettings => ({ ...usual, tenant: `t${agents.indexOf(agentId) % 3}` })

/** Queue and reference, with the same changes. */
class Pair {
  queue = FairQueue.of(limits, shares, fallback)
  readonly reference = new Reference(limits, shares, fallback)
  now = 1_000
  turns = 0

  take(next: Step): void {
    const { reference, now } = this
    switch (next.type) {
      case 'wait':
        this.now += next.ms
        return
      case 'set':
        this.set(next.agentId, next.settings)
        return
      case 'add':
        this.add(next)
        return
      case 'admit': {
        const entry = this.queue.first(next.group, now)
        if (entry) this.start(entry.turnId)
        return
      }
      case 'start':
        this.start(this.idAt(next.index))
        return
      case 'end': {
        const running = reference.items.filter(({ startedAt }) => startedAt !== undefined)
        this.remove([running[next.index % Math.max(1, running.length)]?.entry.turnId ?? 'unknown'])
        return
      }
      case 'remove':
        this.remove(next.indexes.map((i) => this.idAt(i)))
    }
  }

  idAt(i: number): string {
    const { items } = this.reference
    return items[i % Math.max(1, items.length)]?.entry.turnId ?? 'unknown'
  }

  set(agentId: string, settings: AgentSettings): void {
    this.queue = this.queue.setAgent(agentId, settings)
    this.reference.setAgent(agentId, settings)
  }

  add({
    agentId,
    conversation,
    priority,
    isOperation,
  }: typeof added extends fc.Arbitrary<infer T> ? T : never): void {
    if (!this.reference.agents.has(agentId)) this.set(agentId, usualOf(agentId))
    const tenant = this.reference.agents.get(agentId)?.tenant ?? ''
    const conversationId = `${agentId}.${conversation}`
    const entry = {
      turnId: `turn${++this.turns}`,
      agentId,
      tenant,
      conversationId,
      priority,
      at: this.now,
      isOperation,
    }
    this.queue = this.queue.add(entry, this.now)
    this.reference.add(entry, this.now)
  }

  start(turnId: string): void {
    this.queue = this.queue.start(turnId, this.now)
    this.reference.start(turnId, this.now)
  }

  remove(turnIds: string[]): void {
    this.queue = this.queue.remove(turnIds, this.now)
    this.reference.remove(turnIds, this.now)
  }
}

/** All that a queue tells. */
function told(queue: FairQueue, now: number) {
  return {
    first: groups.map((group) => queue.first(group, now)?.turnId),
    several: groups.map((group) => queue.firstOfEachAgent(group, 3, now).map(({ turnId }) => turnId)),
    load: queue.load,
    tenants: Object.fromEntries(queue.tenants().map((tenant) => [tenant, queue.loadOf(tenant)])),
    agents: agents.map((id) => [queue.loadOfAgent(id), queue.runningOf(id), queue.waitingOf(id)]),
    overflow: agents.map((id) => tenants.map((tenant) => queue.overflow(id, tenant, false))),
  }
}

function expectSame({ queue, reference, now }: Pair): void {
  for (const group of groups) {
    const first = reference.first(group, now)
    expect(queue.first(group, now)?.turnId).toBe(first?.turnId)
    const several = queue.firstOfEachAgent(group, 3, now)
    expect(several.length > 0).toBe(first !== undefined)
    expect(new Set(several.map(({ agentId }) => agentId)).size).toBe(several.length)
    const candidates = reference.candidates(group).map(({ entry }) => entry.turnId)
    expect(candidates).toEqual(expect.arrayContaining(several.map(({ turnId }) => turnId)))
  }
  expect(queue.load).toEqual(loadIn(reference, reference.items, limits.maxRunningTurns))
  const present = tenants.filter((tenant) => reference.ofTenant(tenant).length > 0)
  expect(queue.tenants()).toEqual(present)
  for (const tenant of tenants) {
    const { maxRunningTurns } = reference.share(tenant)
    expect(queue.loadOf(tenant)).toEqual(loadIn(reference, reference.ofTenant(tenant), maxRunningTurns))
  }
  for (const id of agents) {
    const items = reference.ofAgent(id)
    expect(queue.loadOfAgent(id)).toEqual(
      loadIn(reference, items, reference.agents.get(id)?.maxRunningTurns ?? 0),
    )
    const running = items.filter(({ startedAt }) => startedAt !== undefined).length
    expect([queue.runningOf(id), queue.waitingOf(id)]).toEqual([running, items.length - running])
  }
  for (const { entry, startedAt } of reference.items) {
    expect([queue.has(entry.turnId), queue.entry(entry.turnId)]).toEqual([true, entry])
    expect(queue.isRunning(entry.turnId)).toBe(startedAt !== undefined)
  }
  const heads = reference.items.filter((item) => reference.isHead(item))
  for (const a of heads)
    for (const b of heads)
      expect(queue.isBefore(a.entry, b.entry, now)).toBe(reference.compare(a, b, now) < 0)
}

const loadIn = (reference: Reference, items: Reference['items'], max: number) => ({
  running: reference.running(items),
  queued: reference.queued(items),
  max,
})

const steps = fc.array(step, { maxLength: 120, size: 'max' })

test('FairQueue does what the rules say, in any sequence of changes', { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(steps, (all) => {
      const pair = new Pair()
      for (const next of all) {
        pair.take(next)
        expectSame(pair)
      }
    }),
    { numRuns: 60 },
  )
})

test('an old version tells the same after any later changes', { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(steps, (all) => {
      const pair = new Pair()
      const seen = all.map((next) => {
        pair.take(next)
        return { queue: pair.queue, now: pair.now, was: told(pair.queue, pair.now) }
      })
      for (const { queue, now, was } of seen) expect(told(queue, now)).toEqual(was)
    }),
    { numRuns: 50 },
  )
})
