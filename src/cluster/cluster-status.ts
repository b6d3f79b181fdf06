import { concat, distinctUntilChanged, map, of, throttleTime, type Observable } from 'rxjs'
import type { PlaceRecord } from './store/records.ts'
import { agentOf } from './store/cluster-store.ts'
import { hostsUp, type Roster } from './liveness.ts'

/** Status of a cluster at one moment, as one program sees it. */
export interface ClusterStatus {
  /** Time of the status, in epoch ms. */
  at: number
  /** Hosts, by id. A host is `doubtful` if its lease was not renewed for more than half its time. */
  hosts: { id: string; state: 'up' | 'doubtful' | 'draining'; max: number; used: number }[]
  /** Agents that have, or had, an owner. */
  places: { agentId: string; tenant: string; hostId: string | null; epoch: number }[]
}

/** Facts of which a status is made. */
export interface StatusFacts {
  readonly roster: Roster
  readonly places: Iterable<readonly [key: string, place: { readonly record: PlaceRecord }]>
  /** Time on the observer's monotonic clock, in ms. */
  readonly now: number
  /** Time of the status, in epoch ms. */
  readonly at: number
}

/** Returns the status of a cluster. A host is left out once it is dead. */
export function clusterStatus({ roster, places, now, at }: StatusFacts): ClusterStatus {
  const up = new Set(hostsUp(roster, now).map(({ id }) => id))
  const hosts = [...roster.hosts].flatMap(([id, { record, seenAt }]) => {
    const { state: told, max, used } = record
    if (told === 'up' && !up.has(id)) return []
    const isLate = now - seenAt > roster.leaseMs / 2
    const state: ClusterStatus['hosts'][number]['state'] =
      told === 'draining' ? told : isLate ? 'doubtful' : 'up'
    return [{ id, state, max, used }]
  })
  return {
    at,
    hosts: hosts.sort((a, b) => (a.id < b.id ? -1 : 1)),
    places: [...places].map(([key, { record }]) => ({
      ...agentOf(key),
      hostId: record.hostId,
      epoch: record.epoch,
    })),
  }
}

/** Shortest time between two statuses, in ms. */
const shortestMs = 100

/** Returns the status at once, then after each change, at most 10 times a second; never the same status twice. */
export const statusChanges = (
  changes$: Observable<unknown>,
  status: () => ClusterStatus,
): Observable<ClusterStatus> =>
  concat(
    of(undefined),
    changes$.pipe(throttleTime(shortestMs, undefined, { leading: false, trailing: true })),
  ).pipe(map(status), distinctUntilChanged(isSame))

/** Returns whether two statuses differ in their times only. */
const isSame = (one: ClusterStatus, two: ClusterStatus): boolean =>
  JSON.stringify({ ...one, at: 0 }) === JSON.stringify({ ...two, at: 0 })
