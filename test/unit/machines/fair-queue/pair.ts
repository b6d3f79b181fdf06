import fc from 'fast-check'
import { FairQueue, type AgentGroup, type AgentSettings } from '../../../../src/machines/fair-queue.ts'
import { Reference } from './reference.ts'

export const groups: readonly AgentGroup[] = ['ready', 'cold', 'held']
export const agents = ['a0', 'a1', 'a2', 'a3', 'a4']
export const tenants = ['t0', 't1', 't2']

export const limits = { maxRunningTurns: 4, maxQueuedTurns: 12 }
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
  kind: fc.oneof(
    { arbitrary: fc.constant('turn' as const), weight: 8 },
    { arbitrary: fc.constantFrom('operation' as const, 'resuming' as const), weight: 3 },
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

export const steps = fc.array(step, { maxLength: 120, size: 'max' })

const usual: AgentSettings = { tenant: 't0', maxRunningTurns: 2, maxQueuedTurns: 4, group: 'ready' }
/** Tenant of an agent that was never set, or was forgotten. */
const usualOf = (agentId: string): AgentSettings => ({ ...usual, tenant: `t${agents.indexOf(agentId) % 3}` })

/** Queue and reference, with the same changes. */
export class Pair {
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
    kind,
  }: typeof added extends fc.Arbitrary<infer T> ? T : never): void {
    if (!this.reference.agents.has(agentId)) this.set(agentId, usualOf(agentId))
    const tenant = this.reference.agents.get(agentId)?.tenant ?? ''
    const turnId = `turn${++this.turns}`
    const isResuming = kind === 'resuming'
    // A start for running turns is a conversation of its own.
    const conversationId = isResuming ? turnId : `${agentId}.${conversation}`
    const entry = {
      turnId,
      agentId,
      tenant,
      conversationId,
      priority,
      at: this.now,
      isOperation: kind !== 'turn',
      ...(isResuming && { isResuming }),
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
