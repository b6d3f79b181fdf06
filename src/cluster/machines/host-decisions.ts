import { hostsUp, noteGone, noteHost, verdictOf } from '../liveness.ts'
import { rank } from '../rank.ts'
import type { EntryChange } from '../store/cluster-store.ts'
import type { HostRecord, PlaceRecord } from '../store/records.ts'
import { drop, put } from '../../machines/fair-queue/sorted.ts'
import { isOlder } from '../../io/opencode/versions.ts'
import { isClaimable } from './claimable.ts'
import type { HostContext } from './host-context.ts'
import { busyVictim, longestIdle } from './host-room.ts'

/** Maximum number of claims at the same time: a burst of them must not starve the lease. */
const mostClaims = 32

/** Decision on an agent that has turns and no placement on this host. */
export type ClaimDecision =
  /** Another host has the agent, or nothing can be said. */
  | { readonly act: 'leave' }
  /** Another host should claim first; this host tries after a time, in ms. */
  | { readonly act: 'wait'; readonly ms: number }
  /** The host has no room: an agent must go, if there is one that may. */
  | { readonly act: 'evict'; readonly victim: string | undefined }
  /** Too many claims are under way. */
  | { readonly act: 'queue' }
  | { readonly act: 'claim' }

/**
 * Decides on an agent that has turns.
 *
 * @param isDue - True if this host has waited for the hosts that come first.
 */
export function decideClaim(context: HostContext, key: string, now: number, isDue: boolean): ClaimDecision {
  const { hostId, maxAgents, placements, leaseMs, places } = context
  if (placements.has(key) || !isClaimable(context, key, now)) return { act: 'leave' }
  const isFull = placements.size >= maxAgents
  if (!isDue) {
    const place = places.get(key)?.record
    const able = candidates(context, now).filter(
      ({ id, record }) => id !== place?.failed && !isOlder(record.opencode, place?.opencode ?? ''),
    )
    const order = rank(key, able, place?.next ?? place?.hostId ?? place?.last ?? null)
    const position = isFull ? order.length : order.indexOf(hostId)
    if (position !== 0) return { act: 'wait', ms: (position < 0 ? order.length : position) * stepOf(leaseMs) }
  }
  if (isFull) return { act: 'evict', victim: longestIdle(context) ?? busyVictim(context, key) }
  return hasClaimLeft(context) ? { act: 'claim' } : { act: 'queue' }
}

/** Returns whether the host may claim one agent more at the moment. */
export function hasClaimLeft({ placements }: HostContext): boolean {
  let claims = 0
  for (const { stage } of placements.values()) if (stage === 'claiming' || stage === 'opening') claims++
  return claims < mostClaims
}

/** Wait of each rank for the rank before it, in ms. */
const stepOf = (leaseMs: number): number => leaseMs / 10

/** Returns the hosts that may claim an agent; this host with its own use, which the others know a little later. */
function candidates({ roster, hostId, placements }: HostContext, now: number) {
  return hostsUp(roster, now).map(({ id, record }) => ({
    id,
    record: id === hostId ? { ...record, used: placements.size } : record,
  }))
}

/**
 * Returns the place of this host among those that look for turns of an agent whose time is over: 0 for the one that looks
 * each lease. All hosts that look are full.
 */
export function overduePosition({ roster, hostId }: HostContext, key: string, now: number): number {
  const hosts = hostsUp(roster, now).map(({ id, record: { max } }) => ({ id, record: { max, used: -1 } }))
  return Math.max(0, rank(key, hosts, null).indexOf(hostId))
}

/** Returns whether this host may end the turns of an agent whose time is over. */
export const mayEndOverdue = (context: HostContext, key: string, now: number): boolean =>
  !context.placements.has(key) && isClaimable(context, key, now)

/** Notes a change of a lease. */
export function onHostChanged(
  { roster }: HostContext,
  { key, value, revision }: EntryChange<HostRecord>,
  now: number,
): Pick<HostContext, 'roster'> {
  return { roster: value ? noteHost(roster, key, { record: value, revision, now }) : noteGone(roster, key) }
}

/** Notes a change of an owner; an older revision than the known one changes nothing. */
export function onPlaceChanged(
  { places }: HostContext,
  { key, value, revision }: EntryChange<PlaceRecord>,
): Pick<HostContext, 'places'> {
  const known = places.get(key)
  if (known && known.revision >= revision) return { places }
  return { places: value ? put(places, key, { record: value, revision }) : drop(places, key) }
}

/** Returns whether another owner has replaced this host's placement of an agent. */
export function isReplaced(
  { placements, places, hostId, lease }: Pick<HostContext, 'placements' | 'places' | 'hostId' | 'lease'>,
  key: string,
): boolean {
  const placement = placements.get(key)
  const place = places.get(key)?.record
  if (!placement || !place || placement.epoch === 0) return false
  const isOwn = place.hostId === hostId && place.incarnation === lease?.incarnation
  return !isOwn && place.epoch > placement.epoch
}

/** Returns the owner of an agent, and its epoch. A host knows its own claims before its watch shows them. */
export function placeOf(
  context: Pick<HostContext, 'placements' | 'places' | 'hostId' | 'lease'>,
  key: string,
): Pick<PlaceRecord, 'hostId' | 'epoch'> | undefined {
  const { placements, places, hostId } = context
  const epoch = placements.get(key)?.epoch ?? 0
  return epoch > 0 && !isReplaced(context, key) ? { hostId, epoch } : places.get(key)?.record
}

/** Returns the hosts that are dead now. */
export function deadHosts({ roster, hostId }: HostContext, now: number): ReadonlySet<string> {
  const ids = [...roster.hosts.keys()]
  return new Set(ids.filter((id) => id !== hostId && verdictOf(roster, id, null, now) === 'dead'))
}
