import { fromPromise } from 'xstate'
import { clockOf, elapse } from '../../actors/clock.ts'
import { isOlder } from '../../io/opencode/versions.ts'
import { ClusterStoreError, keyOf, mayPass, type AgentKey } from '../store/cluster-store.ts'
import type { Known, PlaceRecord } from '../store/records.ts'
import { hostRuntimeOf, type HostIdentity } from './host-runtime.ts'

/** Input of a claim. */
export interface ClaimInput extends HostIdentity {
  readonly agent: AgentKey
  /** Owner of the agent as the host knows it; `null` for an agent that had none. */
  readonly place: Known<PlaceRecord> | null
  /** Revision of the owner's latest lease that the host has seen; 0 for none. */
  readonly leaseRevision: number
}

/** Ownership of an agent by a host. */
export interface Ownership {
  readonly epoch: number
  readonly revision: number
  /** Host that owned the agent before. */
  readonly last: string | null
  /** Newest version of opencode that has owned the agent; absent if homes are not saved. */
  readonly opencode?: string
}

/**
 * Makes the host the owner of an agent. Rejects if the owner before has renewed its lease meanwhile, because the host's
 * own watch may be late, or if another host was faster.
 */
export const claim = fromPromise<Ownership, ClaimInput>(async ({ input }) => {
  const { runtime, agent, hostId, incarnation, place } = input
  const { store, runner, homes } = hostRuntimeOf(runtime)
  const before = place?.record
  const isOwn = before?.hostId === hostId && before.incarnation === incarnation
  if (before?.hostId != null && !isOwn) {
    const lease = await store.hosts.get(before.hostId)
    const isSameRun = lease?.value.incarnation === before.incarnation
    if (lease && isSameRun && lease.revision > input.leaseRevision)
      throw new ClusterStoreError('stale', `The host ${before.hostId} of ${keyOf(agent)} is alive`)
  }
  const epoch = (before?.epoch ?? 0) + 1
  const last = before?.hostId ?? before?.last ?? null
  const newest = isOlder(runner.opencode, before?.opencode ?? '') ? before?.opencode : runner.opencode
  const version = homes.savesHomes && newest ? { opencode: newest } : {}
  const record: PlaceRecord = { epoch, hostId, incarnation, last, ...version }
  const revision = await store.places.set(keyOf(agent), record, place?.revision ?? 0)
  return { epoch, revision, last, ...version }
})

/** Input of a release. */
export interface ReleaseInput extends HostIdentity {
  readonly agent: AgentKey
  readonly ownership: Ownership
  /** Host that should claim the agent next; `undefined` for any. */
  readonly next?: string | undefined
  /** True if the host did not run the agent, because it had no room. */
  readonly isForOverdue?: boolean
  /** Reason why the host could not use the agent; `null` for none. */
  readonly failure?: string | null
}

const releaseAttempts = 10
const releaseRetryMs = 100

/** Gives an agent up, so that any host may claim it. A failed release is found by the next look at the agent. */
export const release = fromPromise<undefined, ReleaseInput>(async ({ input, signal, system }) => {
  const { runtime, agent, ownership } = input
  const { store } = hostRuntimeOf(runtime)
  const record = releasedPlace(input)
  for (let attempt = 1; ; attempt++)
    try {
      await store.places.set(keyOf(agent), record, ownership.revision)
      return undefined
    } catch (error) {
      if (!mayPass(error) || attempt >= releaseAttempts) throw error
      await elapse(clockOf(system), releaseRetryMs, signal)
    }
})

/** Returns the record of an agent that a host gives up. A host that did not run the agent does not become its last one. */
function releasedPlace({ hostId, ownership, next, isForOverdue, failure = null }: ReleaseInput): PlaceRecord {
  const { epoch, opencode, last } = ownership
  const hasRun = isForOverdue !== true && failure === null
  return {
    ...{ epoch, hostId: null, incarnation: null, last: hasRun ? hostId : last },
    ...(opencode !== undefined && { opencode }),
    ...(next !== undefined && { next }),
    ...(failure !== null && { failed: hostId }),
  }
}
