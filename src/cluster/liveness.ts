import type { HostRecord } from './store/records.ts'

/** Lease of a host, as another host sees the lease. */
export interface SeenHost {
  readonly record: HostRecord
  readonly revision: number
  /** Time at which the renewal arrived, in ms of the observer's monotonic clock. */
  readonly seenAt: number
}

/** Leases of all hosts as one host sees them, with the observer's own standing. Immutable. */
export interface Roster {
  readonly leaseMs: number
  readonly hosts: ReadonlyMap<string, SeenHost>
  /** Time since which the observer's own renewals were good; `Infinity` before the first one. */
  readonly steadySince: number
  /** Time of the observer's last good renewal; `-Infinity` before the first one. */
  readonly renewedAt: number
}

/**
 * Verdict on the owner of an agent. `missing` has no lease, and `unknown` cannot be judged, because the observer's own
 * renewals were late.
 */
export type Verdict = 'alive' | 'dead' | 'missing' | 'unknown'

/** Returns a roster without hosts. */
export const emptyRoster = (leaseMs: number): Roster => ({
  leaseMs,
  hosts: new Map(),
  steadySince: Infinity,
  renewedAt: -Infinity,
})

/** Notes the lease of a host; an older revision than the known one changes nothing. */
export function noteHost(
  roster: Roster,
  id: string,
  { record, revision, now }: { record: HostRecord; revision: number; now: number },
): Roster {
  const known = roster.hosts.get(id)
  if (known && known.revision >= revision) return roster
  return { ...roster, hosts: new Map(roster.hosts).set(id, { record, revision, seenAt: now }) }
}

/** Notes that a host has left. */
export function noteGone(roster: Roster, id: string): Roster {
  const hosts = new Map(roster.hosts)
  return hosts.delete(id) ? { ...roster, hosts } : roster
}

/** Notes a good renewal of the observer. A gap of more than half a lease before it ends the observer's good standing. */
export function noteRenewed(roster: Roster, now: number): Roster {
  const isGap = now - roster.renewedAt > roster.leaseMs / 2
  return { ...roster, steadySince: isGap ? now : roster.steadySince, renewedAt: now }
}

/** Notes that the observer joins anew: its earlier renewals count no more. */
export const noteJoining = (roster: Roster): Roster => ({
  ...roster,
  steadySince: Infinity,
  renewedAt: -Infinity,
})

/** Returns whether the observer is in good standing, so that it may judge others. */
export const isSteady = ({ leaseMs, renewedAt }: Roster, now: number): boolean =>
  now - renewedAt <= leaseMs / 2

/**
 * Judges a host. A host is dead if no renewal was seen for a lease, while the observer's own renewals were good. A paused
 * or disconnected observer judges nobody.
 *
 * @param incarnation - The run of the host that is meant; `null` for any run.
 */
export function verdictOf(roster: Roster, id: string, incarnation: string | null, now: number): Verdict {
  const host = roster.hosts.get(id)
  if (!host) return 'missing'
  if (incarnation !== null && host.record.incarnation !== incarnation) return 'dead'
  if (!isSteady(roster, now)) return 'unknown'
  return now - Math.max(host.seenAt, roster.steadySince) >= roster.leaseMs ? 'dead' : 'alive'
}

/** Returns the hosts that take agents: all that are not draining and not dead. */
export const hostsUp = (roster: Roster, now: number): { id: string; record: HostRecord }[] =>
  [...roster.hosts].flatMap(([id, { record }]) =>
    record.state === 'up' && verdictOf(roster, id, null, now) !== 'dead' ? [{ id, record }] : [],
  )
