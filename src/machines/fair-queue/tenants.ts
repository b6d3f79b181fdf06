import { drop, put, putKey } from './sorted.ts'
import { type FleetState, shareOf, smallestVirtualMs } from './fleet-state.ts'
import { stampOf } from './recent.ts'
import { bestOf, noOffers, standingOf, virtualMsAt, type TenantState } from './tenant-state.ts'
import { slots, type Slot } from './types.ts'

const turnsOf = (tenant: TenantState): number => tenant.running + tenant.queued

/** Returns a tenant that gets its first entry, with the virtual time that it left with. */
export const newTenant = (state: FleetState, name: string, now: number): TenantState => ({
  name,
  share: shareOf(state, name),
  virtualMs: Math.max(state.debts.get(name) ?? 0, smallestVirtualMs(state, now)),
  since: now,
  running: 0,
  queued: 0,
  entries: 0,
  stamp: stampOf(state.recentTenants, name, now),
  offers: noOffers,
})

/** Replaces a tenant, and charges its running time until now. */
export function putTenant(
  state: FleetState,
  before: TenantState | undefined,
  changed: TenantState,
  now: number,
): void {
  let next = before && before.running !== changed.running ? charged(changed, before, now) : changed
  if (before === undefined) forgetDebt(state, next.name)
  if ((before === undefined || turnsOf(before) === 0) && turnsOf(next) > 0) next = activated(state, next, now)
  state.runningTurns += next.running - (before?.running ?? 0)
  state.queuedTurns += next.queued - (before?.queued ?? 0)
  relist(state, before, next)
  if (before !== undefined && turnsOf(before) > 0 && turnsOf(next) === 0) deactivate(state, next, now)
  if (next.entries > 0) state.tenants = put(state.tenants, next.name, next)
  else {
    state.tenants = drop(state.tenants, next.name)
    rememberDebt(state, next)
  }
}

const charged = (changed: TenantState, before: TenantState, now: number): TenantState => ({
  ...changed,
  virtualMs: virtualMsAt(before, now),
  since: now,
})

/** Returns a tenant that gets its first turn: it has not saved up any time while it had none. */
function activated(state: FleetState, tenant: TenantState, now: number): TenantState {
  state.activeWeight += tenant.share.weight
  return { ...tenant, virtualMs: Math.max(tenant.virtualMs, smallestVirtualMs(state, now)), since: now }
}

function deactivate(state: FleetState, tenant: TenantState, now: number): void {
  state.activeWeight -= tenant.share.weight
  const isLast = state.waiting.isEmpty && state.busy.isEmpty
  state.floor = Math.max(state.floor, isLast ? tenant.virtualMs : smallestVirtualMs(state, now))
  for (let least = state.debtsByTime.minKey(); least && least.virtualMs <= state.floor;) {
    forgetDebt(state, least.tenant)
    least = state.debtsByTime.minKey()
  }
}

function rememberDebt(state: FleetState, { name, virtualMs }: TenantState): void {
  if (virtualMs <= state.floor) return
  state.debts = put(state.debts, name, virtualMs)
  state.debtsByTime = putKey(state.debtsByTime, { tenant: name, virtualMs })
}

function forgetDebt(state: FleetState, tenant: string): void {
  const virtualMs = state.debts.get(tenant)
  if (virtualMs === undefined) return
  state.debts = drop(state.debts, tenant)
  state.debtsByTime = drop(state.debtsByTime, { tenant, virtualMs })
}

/** Moves a tenant to the lists in which it belongs now. */
function relist(state: FleetState, before: TenantState | undefined, next: TenantState): void {
  const standings = { ...state.standings }
  for (const slot of slots)
    if (before?.offers[slot].isEmpty === false || !next.offers[slot].isEmpty)
      standings[slot] = restood(standings[slot], slot, before, next)
  state.standings = standings
  if (next.running > 0) state.busy = put(state.busy, next.name, next)
  else if (before && before.running > 0) state.busy = drop(state.busy, next.name)
  const [wasWaiting, isWaiting] = [before !== undefined && isOnlyWaiting(before), isOnlyWaiting(next)]
  if (before && wasWaiting && !(isWaiting && before.virtualMs === next.virtualMs))
    state.waiting = drop(state.waiting, { tenant: before.name, virtualMs: before.virtualMs })
  if (isWaiting && !(wasWaiting && before?.virtualMs === next.virtualMs))
    state.waiting = putKey(state.waiting, { tenant: next.name, virtualMs: next.virtualMs })
}

const isOnlyWaiting = (tenant: TenantState): boolean => tenant.running === 0 && tenant.queued > 0

function restood(
  list: FleetState['standings'][Slot],
  slot: Slot,
  before: TenantState | undefined,
  next: TenantState,
): FleetState['standings'][Slot] {
  const old = before && stillStanding(before, slot)
  const now = stillStanding(next, slot)
  if (old?.virtualMs === now?.virtualMs && old?.stamp === now?.stamp && old?.seq === now?.seq) return list
  const without = old ? drop(list, old) : list
  return now ? putKey(without, now) : without
}

/** Returns the place of a tenant in a list of tenants whose virtual time stands still. */
function stillStanding(tenant: TenantState, slot: Slot): ReturnType<typeof standingOf> | undefined {
  const best = tenant.running === 0 ? bestOf(tenant, slot) : undefined
  return best && standingOf(tenant, best.item.seq, tenant.since)
}
