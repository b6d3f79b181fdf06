import { byRank } from './agent-state.ts'
import { sorted, type Sorted } from './sorted.ts'
import type { Item, Share, Slot } from './types.ts'

/** Head that an agent offers to its tenant. */
export interface Offer {
  readonly item: Item
  /** Rank of the agent; lower first. */
  readonly rank: number
  /** `stamp` of the agent. */
  readonly stamp: number
}

/** Place of a tenant in the order of tenants, at one moment. */
export interface Standing {
  readonly tenant: string
  readonly virtualMs: number
  /** Number of running turns, divided by the weight. */
  readonly load: number
  readonly stamp: number
  /** `seq` of the tenant's best offer. */
  readonly seq: number
}

/** A tenant that has entries. */
export interface TenantState {
  readonly name: string
  readonly share: Share
  /** Running time used until `since`, divided by the weight; in ms. */
  readonly virtualMs: number
  readonly since: number
  readonly running: number
  readonly queued: number
  /** Number of turns and operations, waiting or running. */
  readonly entries: number
  /** Number of admissions in the fleet until the last one of this tenant; 0 if it has had none lately. */
  readonly stamp: number
  readonly offers: Readonly<Record<Slot, Sorted<Offer>>>
}

/** Order within a tenant: priority and age, then agents in turn, then first come. */
export const byOffer = (a: Offer, b: Offer): number =>
  a.item.entry.agentId === b.item.entry.agentId
    ? byRank(a.item, b.item)
    : a.rank - b.rank || a.stamp - b.stamp || a.item.seq - b.item.seq

/** Order of tenants. */
export const byStanding = (a: Standing, b: Standing): number =>
  a.virtualMs - b.virtualMs || a.load - b.load || a.stamp - b.stamp || a.seq - b.seq

const none = sorted<Offer>(byOffer)

export const noOffers: TenantState['offers'] = {
  'ready.turn': none,
  'ready.operation': none,
  'cold.turn': none,
  'cold.operation': none,
  'held.turn': none,
  'held.operation': none,
}

/**
 * Returns the virtual time of a tenant at a moment, in ms. Rounded to 1 µs, so that sums of the same times are
 * equal in any order.
 */
export function virtualMsAt({ virtualMs, running, since, share }: TenantState, now: number): number {
  if (running === 0 || now <= since) return virtualMs
  return Math.round((virtualMs + (running * (now - since)) / share.weight) * 1000) / 1000
}

/** Returns the best offer of a list, unless it is a turn and the tenant runs as many turns as it may. */
export function bestOf(tenant: TenantState, slot: Slot): Offer | undefined {
  if (tenant.running >= tenant.share.maxRunningTurns && slot.endsWith('.turn')) return undefined
  return tenant.offers[slot].minKey()
}

export const standingOf = (tenant: TenantState, seq: number, now: number): Standing => ({
  tenant: tenant.name,
  virtualMs: virtualMsAt(tenant, now),
  load: tenant.running / tenant.share.weight,
  stamp: tenant.stamp,
  seq,
})
