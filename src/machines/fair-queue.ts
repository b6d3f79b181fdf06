import { firstHead, hasConversation, isHead, type AgentState } from './fair-queue/agent-state.ts'
import { addEntry, removeItem, setAgent, startItem } from './fair-queue/changes.ts'
import { waitMs } from './fair-queue/estimate.ts'
import { emptyFleet, shareOf, type FleetState } from './fair-queue/fleet-state.ts'
import { firstEntry, isEntryBefore } from './fair-queue/order.ts'
import { firstEntries } from './fair-queue/several.ts'
import type { AgentGroup, AgentSettings, FairEntry, Limits, Load, Share } from './fair-queue/types.ts'

export type { AgentGroup, AgentSettings, FairEntry, Limits, Load, Share }

/**
 * Order of all turns of a fleet: decides which turn is admitted next, and accounts running time. Immutable: each
 * change returns a new version, and old versions stay valid. Knows no clock: `now` is a time in ms.
 */
export class FairQueue {
  readonly #state: FleetState

  private constructor(state: FleetState) {
    this.#state = state
  }

  /** Returns an empty queue. A tenant that is not named has the share `fallback`. */
  static of(limits: Limits, tenants: Readonly<Record<string, Share>>, fallback: Share): FairQueue {
    return new FairQueue(emptyFleet(limits, tenants, fallback))
  }

  /**
   * Sets the limits, the tenant and the group of an agent. An agent whose last entry ends is forgotten, settings
   * included: call `setAgent` before the next `add`. A change of tenant takes all entries of the agent along.
   */
  setAgent(agentId: string, settings: AgentSettings): FairQueue {
    return this.#changed(0, (state) => setAgent(state, agentId, settings))
  }

  /**
   * Adds a waiting entry, at the end of its conversation. An entry that is there already is ignored.
   * @throws Error if the agent was not set
   */
  add(entry: FairEntry, now: number): FairQueue {
    if (this.has(entry.turnId)) return this
    return this.#changed(now, (state) => addEntry(state, entry))
  }

  /** Removes entries that wait, and ends entries that run. Unknown ids are ignored. */
  remove(turnIds: readonly string[], now: number): FairQueue {
    const items = new Set(turnIds.flatMap((id) => this.#state.items.get(id) ?? []))
    if (items.size === 0) return this
    return this.#changed(now, (state) => items.forEach((item) => removeItem(state, item)))
  }

  /** Starts a waiting entry. Any other entry than the first of its conversation is ignored. */
  start(turnId: string, now: number): FairQueue {
    const item = this.#state.items.get(turnId)
    const agent = item && this.#state.agents.get(item.entry.agentId)
    if (!agent || !isHead(agent, item)) return this
    return this.#changed(now, (state) => startItem(state, item))
  }

  has(turnId: string): boolean {
    return this.#state.items.has(turnId)
  }

  entry(turnId: string): FairEntry | undefined {
    return this.#state.items.get(turnId)?.entry
  }

  isRunning(turnId: string): boolean {
    return this.#state.running.has(turnId)
  }

  /**
   * Returns the next entry of a group that may be admitted: the first of its conversation, with no other entry of
   * the conversation running, and with a free place of its agent, tenant and fleet. Operations need no place.
   */
  first(group: AgentGroup, now: number): FairEntry | undefined {
    return firstEntry(this.#state, group, now)
  }

  /** Returns the entry of an agent that would be admitted next if nothing else waited, also one beyond a limit. */
  firstOf(agentId: string): FairEntry | undefined {
    const agent = this.#state.agents.get(agentId)
    return agent && firstHead(agent)?.entry
  }

  /** Returns the ids of all entries of an agent. */
  idsOf(agentId: string): string[] {
    const line = this.#state.agents.get(agentId)?.line.keysArray() ?? []
    return line.map(({ entry }) => entry.turnId)
  }

  /** Returns the first entries of at most `limit` agents that could run together, in about the fair order. */
  firstOfEachAgent(group: AgentGroup, limit: number, now: number): FairEntry[] {
    return firstEntries(this.#state, group, limit, now)
  }

  /** Compares two waiting entries that are the first of their conversations by the fair order. */
  isBefore(a: FairEntry, b: FairEntry, now: number): boolean {
    return isEntryBefore(this.#state, a, b, now)
  }

  /**
   * Returns the limit of waiting turns that a further turn would exceed. If only the start of the agent's server makes
   * the turn wait (`soon`), as many turns as could then run do not count as waiting.
   */
  overflow(
    agentId: string,
    tenant: string,
    runs: 'soon' | 'later',
  ): 'fleet' | 'tenant' | 'agent' | undefined {
    const { limits } = this.#state
    const [share, agent] = [shareOf(this.#state, tenant), this.#state.agents.get(agentId)]
    const loads = [
      { name: 'fleet', load: this.load, limit: limits.maxQueuedTurns },
      { name: 'tenant', load: this.loadOf(tenant), limit: share.maxQueuedTurns },
      ...(agent ? [{ name: 'agent', load: loadOfAgent(agent), limit: agent.maxQueuedTurns } as const] : []),
    ] as const
    const free = ({ running, max }: Load): number => (runs === 'soon' ? Math.max(0, max - running) : 0)
    return loads.find(({ load, limit }) => load.queued >= limit + free(load))?.name
  }

  /** Returns whether a conversation has a waiting or running entry, so that a further entry of it must wait. */
  isBusy(agentId: string, conversationId: string): boolean {
    const agent = this.#state.agents.get(agentId)
    return agent !== undefined && hasConversation(agent, conversationId)
  }

  /** Returns about how long a further turn would wait, in ms; 0 if no turn has ever run. */
  expectedWaitMs(agentId: string, tenant: string, now: number): number {
    return waitMs(this.#state, agentId, tenant, now)
  }

  get load(): Load {
    const { runningTurns, queuedTurns, limits } = this.#state
    return { running: runningTurns, queued: queuedTurns, max: limits.maxRunningTurns }
  }

  loadOf(tenant: string): Load {
    const { running = 0, queued = 0 } = this.#state.tenants.get(tenant) ?? {}
    return { running, queued, max: shareOf(this.#state, tenant).maxRunningTurns }
  }

  /** Returns the load of an agent; all 0 for an agent that is not known. */
  loadOfAgent(agentId: string): Load {
    const agent = this.#state.agents.get(agentId)
    return agent ? loadOfAgent(agent) : { running: 0, queued: 0, max: 0 }
  }

  /** Returns the names of the tenants that have entries. */
  tenants(): string[] {
    return this.#state.tenants.keysArray()
  }

  /** Returns the number of running turns and operations of an agent. */
  runningOf(agentId: string): number {
    return this.#state.agents.get(agentId)?.runningEntries ?? 0
  }

  /** Returns the number of waiting turns and operations of an agent. */
  waitingOf(agentId: string): number {
    return (this.#state.agents.get(agentId)?.line.size ?? 0) - this.runningOf(agentId)
  }

  /** Returns a version with a change, or this one if the change returns false. */
  #changed(now: number, change: (state: FleetState) => unknown): FairQueue {
    const state = { ...this.#state, clock: Math.max(now, this.#state.clock) }
    return change(state) === false ? this : new FairQueue(state)
  }
}

const loadOfAgent = ({ running, queued, maxRunningTurns }: AgentState): Load => ({
  running,
  queued,
  max: maxRunningTurns,
})
