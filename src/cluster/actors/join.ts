import { randomUUID } from 'node:crypto'
import { fromPromise } from 'xstate'
import { clockOf, elapse } from '../../actors/clock.ts'
import type { HostRecord } from '../store/records.ts'
import { hostRuntimeOf, type HostHandle, type HostIdentity } from './host-runtime.ts'

/** Lease of a run of a host. */
export interface Lease {
  readonly incarnation: string
  readonly revision: number
  /** Time at which the first renewal was sent, in ms of the system's clock. */
  readonly sentAt: number
}

/** Input of a host that joins. */
export interface JoinInput {
  readonly runtime: HostHandle
  readonly hostId: string
  readonly leaseMs: number
}

/** Makes a host a member of its cluster, again and again until the store answers. */
export const join = fromPromise<Lease, JoinInput>(async ({ input, signal, system }) => {
  const { runtime, hostId, leaseMs } = input
  const { store, runner, contexts } = hostRuntimeOf(runtime)
  const clock = clockOf(system)
  for (;;) {
    signal.throwIfAborted()
    try {
      const before = await store.hosts.get(hostId)
      const incarnation = randomUUID().slice(0, 8)
      const sentAt = clock.now()
      const record: HostRecord = {
        ...{ incarnation, beat: 0, state: 'up', used: 0 },
        max: runner.maxAgents,
        opencode: runner.opencode,
        leaseMs,
        ...(contexts && { contextKey: contexts.publicKey }),
      }
      const revision = await store.hosts.set(hostId, record, before?.revision ?? 0)
      return { incarnation, revision, sentAt }
    } catch {
      await elapse(clock, Math.min(200, leaseMs / 10), signal)
    }
  }
})

/** Deletes the lease of a host that owns nothing any more. */
export const leave = fromPromise<undefined, Pick<HostIdentity, 'runtime' | 'hostId' | 'incarnation'>>(
  async ({ input: { runtime, hostId, incarnation } }) => {
    const { store } = hostRuntimeOf(runtime)
    const lease = await store.hosts.get(hostId)
    if (lease?.value.incarnation === incarnation) await store.hosts.delete(hostId, lease.revision)
    return undefined
  },
)
