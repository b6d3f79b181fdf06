import { drop, put, putKey } from './sorted.ts'
import { newAgent, offerOf, urgencyOf, type AgentState } from './agent-state.ts'
import type { FleetState } from './fleet-state.ts'
import { remembering } from './recent.ts'
import type { Offer, TenantState } from './tenant-state.ts'
import { newTenant, putTenant } from './tenants.ts'
import { kindOf, kinds, type Item, type Kind, type Slot } from './types.ts'

const minuteMs = 60_000

/** Replaces an agent: its tenant, its counts and its offers follow. Forgets an agent that has lost its last entry. */
export function putAgent(state: FleetState, before: AgentState, next: AgentState, now: number): void {
  if (before.tenant === next.tenant) moveWithin(state, before, next, now)
  else {
    moveWithin(state, before, newAgent(before.id, before.stamp, before), now)
    moveWithin(state, newAgent(next.id, next.stamp, next), next, now)
  }
  const isLeft = next.line.isEmpty && !before.line.isEmpty
  state.agents = isLeft ? drop(state.agents, next.id) : put(state.agents, next.id, next)
}

function moveWithin(state: FleetState, before: AgentState, next: AgentState, now: number): void {
  if (before.line.isEmpty && next.line.isEmpty) return
  const old = state.tenants.get(next.tenant)
  const tenant = old ?? newTenant(state, next.tenant, now)
  const isAdmitted = next.stamp > before.stamp
  const changed: TenantState = {
    ...tenant,
    running: tenant.running + next.running - before.running,
    queued: tenant.queued + next.queued - before.queued,
    entries: tenant.entries + next.line.size - before.line.size,
    stamp: isAdmitted ? next.stamp : tenant.stamp,
    offers: kinds.reduce((offers, kind) => reoffered(state, offers, kind, before, next), tenant.offers),
  }
  if (isAdmitted) {
    state.recentAgents = remembering(state.recentAgents, next.id, next.stamp, now)
    state.recentTenants = remembering(state.recentTenants, next.tenant, next.stamp, now)
  }
  putTenant(state, old, changed, now)
}

const slotOf = (agent: AgentState, kind: Kind): Slot => `${agent.group}.${kind}`

/** Replaces what an agent offers of a kind. */
function reoffered(
  state: FleetState,
  offers: TenantState['offers'],
  kind: Kind,
  before: AgentState,
  next: AgentState,
): TenantState['offers'] {
  const [old, now] = [offer(state, before, kind), offer(state, next, kind)]
  const [from, to] = [slotOf(before, kind), slotOf(next, kind)]
  if (from === to && old?.item === now?.item && old?.rank === now?.rank && old?.stamp === now?.stamp)
    return offers
  const changed = { ...offers }
  if (old) changed[from] = drop(changed[from], old)
  if (now) changed[to] = putKey(changed[to], now)
  return changed
}

function offer(state: FleetState, agent: AgentState, kind: Kind): Offer | undefined {
  const item = offerOf(agent, kind)
  return item && offerWith(state, agent, item)
}

/**
 * Returns a head as an offer to the tenant.
 *
 * @remarks The agent competes with the highest priority of its heads, and with the time for which it has got
 * nothing: since the head's arrival or its last admission. If the age of the head alone counted, an agent that
 * floods would get ahead of the others after a minute, because its turns wait for each other for long.
 */
export const offerWith = (state: FleetState, agent: AgentState, item: Item): Offer => ({
  item,
  rank: rankAt(state.epoch, Math.max(item.entry.at, agent.admittedAt), urgencyOf(agent, kindOf(item))),
  stamp: agent.stamp,
})

/**
 * Returns a rank; lower first. Each minute of waiting counts as one step of priority. All entries age alike, so
 * that the order of two entries never changes: the rank is the minute in which the wait began, less the priority.
 */
export const rankAt = (epoch: number, sinceMs: number, priority: number): number =>
  Math.floor((sinceMs - epoch) / minuteMs) - priority
