import type { PendingRequest } from '../../replies.ts'

/** Record with its revision, as a host knows both. */
export interface Known<T> {
  readonly record: T
  readonly revision: number
}

/** Lease of a host: renewed again and again, by compare-and-set. */
export interface HostRecord {
  /** Random id of this run of the host: another one means that the host was started anew. */
  readonly incarnation: string
  /** Number of the renewal. */
  readonly beat: number
  readonly state: 'up' | 'draining'
  /** Number of agents that the host may own, and owns. */
  readonly max: number
  readonly used: number
  /** Version of opencode on the host. */
  readonly opencode: string
  /** Time after which the host is dead without a renewal, in ms; absent in the record of an older host. */
  readonly leaseMs?: number
  /** Public key for which callers seal the contexts of turns; absent for hosts without a key. */
  readonly contextKey?: string
}

/** Wish that a host leaves the cluster. Meant for one run of the host, so that the next run does not leave too. */
export interface WishRecord {
  readonly incarnation: string
  /** Time for running turns to finish, in ms. */
  readonly drainMs: number
  /** Time of the wish, in epoch ms. */
  readonly at: number
}

/** Owner of an agent. */
export interface PlaceRecord {
  /** Grows with each claim: the owner of a later epoch replaces the owner of an earlier one. */
  readonly epoch: number
  /** Owner; `null` after a release. */
  readonly hostId: string | null
  readonly incarnation: string | null
  /** Owner before: it may still have the home. */
  readonly last: string | null
  /** Host that should claim the agent next, as the owner that has given the agent up wishes. */
  readonly next?: string
  /** Host that could not use the agent, so that any other one should claim it first. */
  readonly failed?: string
  /** Newest version of opencode that has owned the agent; absent if homes are not saved. */
  readonly opencode?: string
}

/** Places that a host has of a tenant with a cap of running turns. */
export interface QuotaShare {
  /** Run of the host that has the places. */
  readonly incarnation: string
  /** Number of turns that the host may run. */
  readonly taken: number
  /** Number of turns that the host would run: more than `taken` while turns wait for places. */
  readonly wanted: number
  /** Number of the grant by which the host got its latest place. */
  readonly granted: number
}

/** Places of a tenant with a cap of running turns, by host. */
export interface QuotaRecord {
  /** Number of grants so far. */
  readonly grants: number
  readonly hosts: Readonly<Record<string, QuotaShare>>
}

/** Saved home of an agent. */
export interface HomeRecord {
  /** Epoch of the owner that saved the home, or that has fenced the earlier ones. */
  readonly epoch: number
  /** Name of the object; `null` before the first save. */
  readonly object: string | null
  /** SHA-256 of the object, in hex. */
  readonly sha256: string | null
  /** Size of the object in bytes. */
  readonly size: number
  /** Version of opencode that wrote the database: an older version must not read it. */
  readonly opencode: string | null
  /**
   * Random id of the home's saves, made with the first record; `null` before it. Another cluster, and another tenant, has
   * another id, and epochs of its own.
   */
  readonly history: string | null
  /** Absolute path of the home, which is the same on every host, because sessions name absolute paths. */
  readonly path: string | null
  /** Id of the removal of the agent after which the home was begun, if the removal deleted the homes before. */
  readonly wiped?: string
}

/** Turn that a gateway has taken, as all gateways know it. The turn runs once, whichever gateway sends it. */
export interface TurnNote {
  readonly tenant: string
  readonly agentId: string
  /** Time at which the gateway took the turn, in epoch ms. */
  readonly at: number
  /** Id of the token whose caller has started the turn. */
  readonly tokenId: string
  readonly traceId: string | null
  readonly model: string | null
  /** Session that the turn names. */
  readonly sessionId: string | null
  readonly deadlineMs: number | null
  /** Hash of the request's body, if the turn has an Idempotency-Key. */
  readonly bodyHash: string | null
  /** Random id, by which a gateway knows its own note again if the store's answer was lost. */
  readonly nonce: string
}

/** Requests of a turn that wait for an answer. */
export interface OpenRequests {
  readonly tenant: string
  readonly agentId: string
  /** Epoch of the owner that has written the list. */
  readonly epoch: number
  readonly open: readonly PendingRequest[]
}
