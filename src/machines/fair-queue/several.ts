import { meanTurnMs } from './estimate.ts'
import type { FleetState } from './fleet-state.ts'
import { openSlots, resumingEntries } from './order.ts'
import { sorted } from './sorted.ts'
import {
  bestOf,
  byStanding,
  standingOf,
  type Offer,
  type Standing,
  type TenantState,
} from './tenant-state.ts'
import { kindOf, type AgentGroup, type FairEntry, type Slot } from './types.ts'

/** Offers of one list of a tenant. */
interface Source {
  readonly tenant: TenantState
  readonly rest: Iterator<Offer, unknown>
  readonly offer: Offer
}

/**
 * Returns the first entries of at most `limit` agents that could run together. Each turn counts as if it had used
 * the time of a mean turn already, so that tenants take turns by their weights.
 */
export function firstEntries(state: FleetState, group: AgentGroup, limit: number, now: number): FairEntry[] {
  const sources = sorted<Standing, Source>(byStanding)
  for (const source of sourcesOf(state, openSlots(state, group), limit))
    sources.set(standingOf(source.tenant, source.offer.item.seq, now), source)
  const room = roomIn(state)
  const resuming = [...resumingEntries(state, group)].slice(0, limit)
  const chosen = new Map(resuming.map((entry) => [entry.agentId, entry]))
  const usedMs = meanTurnMs(state, now)
  for (let next = sources.minKey(); next && chosen.size < limit; next = sources.minKey()) {
    const source = sources.get(next)
    sources.delete(next)
    if (!source || !room.take(source)) continue
    const { entry } = source.offer.item
    if (!chosen.has(entry.agentId)) chosen.set(entry.agentId, entry)
    const after = following(source)
    if (after) sources.set(moved(next, after, usedMs), after)
  }
  return [...chosen.values()]
}

/** Returns the lists that can hold one of the first `limit` agents. */
function* sourcesOf(state: FleetState, slots: readonly Slot[], limit: number): Generator<Source> {
  for (const slot of slots) {
    const still = state.standings[slot].keys()
    for (let i = 0, next = still.next(); i < limit && next.done !== true; i++, next = still.next()) {
      const tenant = state.tenants.get(next.value.tenant)
      if (tenant) yield* sourceOf(tenant, slot)
    }
    for (const tenant of state.busy.values()) yield* sourceOf(tenant, slot)
  }
}

function* sourceOf(tenant: TenantState, slot: Slot): Generator<Source> {
  if (!bestOf(tenant, slot)) return
  const rest = tenant.offers[slot].keys()
  const first = rest.next()
  if (first.done !== true) yield { tenant, rest, offer: first.value }
}

/** Returns the list without its first offer. */
function following({ tenant, rest }: Source): Source | undefined {
  const next = rest.next()
  return next.done === true ? undefined : { tenant, rest, offer: next.value }
}

/** Returns the place of a tenant after its first offer has been chosen. */
function moved(standing: Standing, { tenant, offer }: Source, usedMs: number): Standing {
  const { seq } = offer.item
  if (kindOf(offer.item) === 'operation') return { ...standing, seq }
  const { weight } = tenant.share
  return {
    ...standing,
    virtualMs: standing.virtualMs + usedMs / weight,
    load: standing.load + 1 / weight,
    seq,
  }
}

/** Counts down how many turns the fleet and each tenant may still start. */
function roomIn({ limits, runningTurns }: FleetState): { take: (source: Source) => boolean } {
  let fleet = limits.maxRunningTurns - runningTurns
  const tenants = new Map<string, number>()
  return {
    take: ({ tenant: { name, share, running }, offer }) => {
      if (kindOf(offer.item) === 'operation') return true
      const own = tenants.get(name) ?? share.maxRunningTurns - running
      if (fleet <= 0 || own <= 0) return false
      fleet--
      tenants.set(name, own - 1)
      return true
    },
  }
}
