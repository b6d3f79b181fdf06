import { drop, put, putKey } from './sorted.ts'
import { newAgent, offerOf, type AgentState } from './agent-state.ts'
import type { FleetState } from './fleet-state.ts'
import { remembering } from './recent.ts'
import type { Offer, TenantState } from './tenant-state.ts'
import { putTenant, tenantOf } from './tenants.ts'
import { kinds, type Kind, type Slot } from './types.ts'

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
  const tenant = tenantOf(state, next.tenant, now)
  const isAdmitted = next.stamp > before.stamp
  const changed: TenantState = {
    ...tenant,
    running: tenant.running + next.running - before.running,
    queued: tenant.queued + next.queued - before.queued,
    entries: tenant.entries + next.line.size - before.line.size,
    stamp: isAdmitted ? next.stamp : tenant.stamp,
    offers: kinds.reduce((offers, kind) => reoffered(offers, kind, before, next), tenant.offers),
  }
  if (isAdmitted) {
    state.recentAgents = remembering(state.recentAgents, next.id, next.stamp, now)
    state.recentTenants = remembering(state.recentTenants, next.tenant, next.stamp, now)
  }
  putTenant(state, changed, now)
}

const slotOf = (agent: AgentState, kind: Kind): Slot => `${agent.group}.${kind}`

/** Replaces what an agent offers of a kind. */
function reoffered(
  offers: TenantState['offers'],
  kind: Kind,
  before: AgentState,
  next: AgentState,
): TenantState['offers'] {
  const [old, now] = [offer(before, kind), offer(next, kind)]
  const [from, to] = [slotOf(before, kind), slotOf(next, kind)]
  if (from === to && old?.item === now?.item && old?.stamp === now?.stamp) return offers
  const changed = { ...offers }
  if (old) changed[from] = drop(changed[from], old)
  if (now) changed[to] = putKey(changed[to], now)
  return changed
}

function offer(agent: AgentState, kind: Kind): Offer | undefined {
  const item = offerOf(agent, kind)
  return item && { item, stamp: agent.stamp }
}
