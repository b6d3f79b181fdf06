import { newAgent, withItem, withoutItem, withStarted, type AgentState } from './agent-state.ts'
import { putAgent, rankAt } from './agents.ts'
import { withDuration } from './estimate.ts'
import type { FleetState } from './fleet-state.ts'
import { stampOf } from './recent.ts'
import { drop, put } from './sorted.ts'
import { kindOf, type AgentSettings, type FairEntry, type Item } from './types.ts'

/** Sets the limits, the tenant and the group of an agent. Returns false if nothing changes. */
export function setAgent(state: FleetState, id: string, settings: AgentSettings): boolean {
  const { tenant, maxRunningTurns, maxQueuedTurns, group } = settings
  const old = state.agents.get(id)
  if (old && isSame(old, settings)) return false
  const before = old ?? newAgent(id, stampOf(state.recentAgents, id, state.clock), settings)
  putAgent(state, before, { ...before, tenant, maxRunningTurns, maxQueuedTurns, group }, state.clock)
  return true
}

const isSame = (a: AgentSettings, b: AgentSettings): boolean =>
  a.tenant === b.tenant &&
  a.group === b.group &&
  a.maxRunningTurns === b.maxRunningTurns &&
  a.maxQueuedTurns === b.maxQueuedTurns

export function addEntry(state: FleetState, entry: FairEntry): void {
  if (state.items.isEmpty) state.epoch = entry.at
  const item = { entry, seq: ++state.entries, rank: rankAt(state.epoch, entry.at, entry.priority) }
  state.items = put(state.items, entry.turnId, item)
  if (entry.isResuming === true) state.resuming = put(state.resuming, item.seq, item)
  changeAgent(state, item, (agent) => withItem(agent, item))
}

export function startItem(state: FleetState, item: Item): void {
  state.running = put(state.running, item.entry.turnId, { item, startedAt: state.clock })
  state.resuming = drop(state.resuming, item.seq)
  changeAgent(state, item, (agent) => withStarted(agent, item, ++state.admissions, state.clock))
}

export function removeItem(state: FleetState, item: Item): void {
  const { turnId } = item.entry
  const running = state.running.get(turnId)
  state.items = drop(state.items, turnId)
  state.resuming = drop(state.resuming, item.seq)
  if (running) {
    state.running = drop(state.running, turnId)
    if (kindOf(item) === 'turn') state.meanMs = withDuration(state.meanMs, state.clock - running.startedAt)
  }
  changeAgent(state, item, (agent) => withoutItem(agent, item, running !== undefined))
}

function changeAgent(state: FleetState, { entry }: Item, change: (agent: AgentState) => AgentState): void {
  const agent = state.agents.get(entry.agentId)
  if (!agent) throw new Error(`the agent ${entry.agentId} is not set`)
  putAgent(state, agent, change(agent), state.clock)
}
