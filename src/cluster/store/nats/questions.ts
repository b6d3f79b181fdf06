import type { Entry, StoredBatch } from '../cluster-store.ts'
import type { HostRecord, PlaceRecord } from '../records.ts'

/**
 * Questions of the callers of one tenant, by kind, each with its answer. The tenant is a part of the subject, so that
 * NATS refuses the questions of another tenant. All of it travels as JSON.
 */
export interface Questions {
  /** Agents, hosts and places, as the tenant may see them. */
  view: { ask: Record<string, never>; answer: TenantView }
  /** Id of the agent of a turn; `null` for a turn without a batch. */
  find: { ask: { turnId: string }; answer: { agentId: string | null } }
  /** Last batch of a turn; `null` for none. */
  last: { ask: { agentId: string; turnId: string }; answer: { batch: StoredBatch | null } }
  /** Batches of a turn after a number, and whether there are more. */
  read: {
    ask: { agentId: string; turnId: string; after: number }
    answer: { batches: StoredBatch[]; hasMore: boolean }
  }
}

/** Agents, hosts and places that a tenant may see. */
export interface TenantView {
  /** Ids of the tenant's agents. */
  readonly agents: readonly string[]
  readonly hosts: readonly Entry<HostRecord>[]
  readonly places: readonly Entry<PlaceRecord>[]
}

/** Answer to a question, or the reason why there is none. */
export type Answer<T> = { readonly answer: T } | { readonly error: string; readonly isBusy?: true }

/** Most bytes of the batches in one answer, as JSON. One batch alone may be larger; a message holds 1 MB. */
export const mostAnswerBytes = 256 * 1024
