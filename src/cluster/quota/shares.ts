import type { QuotaRecord, QuotaShare } from '../store/records.ts'

/** Host's need of places of a tenant. */
export interface Need {
  readonly hostId: string
  readonly incarnation: string
  /** Number of turns of the tenant that run on the host. */
  readonly running: number
  /** Number of turns of the tenant that wait on the host. */
  readonly waiting: number
  /** Number of places that the host has got and not used yet: each is for one turn at least. */
  readonly fresh: number
  /** Most running turns of the tenant over all hosts. */
  readonly cap: number
}

/** Places of a tenant that a host may use, and the record by which the host should replace the present one. */
export interface Claimed {
  /** Most turns of the tenant that may run on the host at the moment. */
  readonly allowed: number
  /** Record to store; `undefined` if the present one is right. */
  readonly record: QuotaRecord | undefined
  /** Hosts whose places, or whose wish for places, keep this host waiting. */
  readonly blockers: readonly string[]
}

/** Record of a tenant of which no host has a place. */
export const noQuota: QuotaRecord = { grants: 0, hosts: {} }

/**
 * Decides how many places of a tenant a host may use, and what it should store. The stored places of all hosts are never
 * more than the cap, as long as all hosts have the same cap. Places that a host has and does not need stay with it until
 * another host needs them; then each host has its fair share, and what cannot be divided goes round.
 *
 * @param gone - Runs of hosts that are known to be over, by host.
 */
export function claimPlaces(record: QuotaRecord, need: Need, gone: ReadonlyMap<string, string>): Claimed {
  const { hostId, incarnation, running, waiting, fresh, cap } = need
  const others = Object.entries(record.hosts).filter(
    ([id, share]) => id !== hostId && gone.get(id) !== share.incarnation,
  )
  const stored = record.hosts[hostId]
  const own = stored?.incarnation === incarnation ? stored : undefined
  const taken = own?.taken ?? 0
  const demand = Math.min(cap, running + waiting)
  const isShort = others.some(([, share]) => share.wanted > share.taken)
  const fair = isShort ? fairShare(hostId, { demand, granted: own?.granted ?? 0 }, others, cap) : cap
  const target = Math.max(fair, running + fresh)
  const wished = isShort ? Math.min(demand, target) : Math.max(taken, demand)
  const free = cap - others.reduce((sum, [, share]) => sum + share.taken, 0)
  const next = Math.max(running, Math.min(wished, free))
  const wanted = Math.max(next, demand)
  const share: QuotaShare = {
    incarnation,
    taken: next,
    wanted,
    granted: next > taken ? record.grants + 1 : (own?.granted ?? 0),
  }
  const isRight = (own?.taken ?? 0) === next && (own?.wanted ?? 0) === wanted
  return {
    allowed: Math.min(taken, target),
    record: isRight ? undefined : changed(record, others, hostId, share),
    blockers: wanted > next ? others.map(([id]) => id) : [],
  }
}

/** Returns a record with the share of a host, without the hosts that are gone, and without empty shares. */
function changed(
  { grants }: QuotaRecord,
  others: readonly (readonly [string, QuotaShare])[],
  hostId: string,
  share: QuotaShare,
): QuotaRecord {
  const kept = [...others, [hostId, share] as const].filter(([, { wanted }]) => wanted > 0)
  return { grants: Math.max(grants, share.granted), hosts: Object.fromEntries(kept) }
}

/** Returns the places of a host when all hosts that need places share them; a rest goes to those that waited longest. */
function fairShare(
  hostId: string,
  own: { demand: number; granted: number },
  others: readonly (readonly [string, QuotaShare])[],
  cap: number,
): number {
  const claims = others.map(([id, { wanted, granted }]) => ({ id, granted, left: wanted, has: 0 }))
  claims.push({ id: hostId, granted: own.granted, left: own.demand, has: 0 })
  claims.sort((a, b) => a.granted - b.granted || (a.id < b.id ? -1 : 1))
  let free = cap
  for (let open = claims.filter(({ left }) => left > 0); free > 0 && open.length > 0;) {
    const each = Math.max(1, Math.floor(free / open.length))
    for (const claim of open) {
      const given = Math.min(each, claim.left, free)
      claim.has += given
      claim.left -= given
      free -= given
    }
    open = open.filter(({ left }) => left > 0)
  }
  return claims.find(({ id }) => id === hostId)?.has ?? 0
}
