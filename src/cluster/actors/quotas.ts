import { fromCallback } from 'xstate'
import { clockOf } from '../../actors/clock.ts'
import { hostRuntimeOf, type HostIdentity } from './host-runtime.ts'
import { keepOn } from './keep-on.ts'

/** Tells the hosts that are dead now, each with its run. */
export interface QuotaCommand {
  type: 'quota.dead'
  dead: readonly (readonly [hostId: string, incarnation: string])[]
}

/** Shares the places of the tenants that have a cap with the other hosts, as long as the host is a member. */
export const quotas = fromCallback<QuotaCommand, HostIdentity>(({ input, receive, system }) => {
  const { runtime, hostId, incarnation, leaseMs } = input
  const { store, quotas } = hostRuntimeOf(runtime)
  const clock = clockOf(system)
  const stopped = new AbortController()
  const { signal } = stopped
  quotas.begin({ store, hostId, incarnation, leaseMs, clock, signal })
  void keepOn(clock, signal, () => store.quotas.watch((change) => quotas.onChange(change), signal))
  receive(({ dead }) => quotas.noteDead(new Map(dead)))
  return () => stopped.abort()
})
