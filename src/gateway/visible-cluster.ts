import type { ClusterStatus } from '../cluster/cluster-status.ts'
import { isUnscoped, sees, type Caller } from './access/caller.ts'
import type { GatewayContext } from './context.ts'

/**
 * Returns the status of the gateway's cluster as far as a caller may see it, on the wire; without hosts if there is no
 * cluster. The use of a host counts only agents that the caller sees, so that it tells nothing about others.
 */
export function visibleCluster({ cluster }: Pick<GatewayContext, 'cluster'>, caller: Caller) {
  const { at, hosts, places }: ClusterStatus = cluster?.handle.status ?? {
    at: Date.now(),
    hosts: [],
    places: [],
  }
  const seen = places.filter(({ agentId: id, tenant }) => sees(caller, { id, tenant }))
  const useOf = (host: string): number => seen.filter(({ hostId }) => hostId === host).length
  return {
    at,
    host_id: cluster?.host?.id ?? null,
    hosts: hosts.map((host) => ({ ...host, used: isUnscoped(caller) ? host.used : useOf(host.id) })),
    places: seen.map(({ agentId, tenant, hostId, epoch }) => ({
      ...{ agent_id: agentId, tenant, host_id: hostId },
      epoch,
    })),
  }
}
