import { api } from '../api/client.ts'
import type { Cluster } from '../api/types.ts'
import { useQuery } from '../app/query.ts'
import { useReloadOn } from '../app/reload-on.ts'
import { useNow } from './use-value.ts'

/** Time between two readings of the cluster, in ms. */
const readMs = 3_000

/** Cluster as pages show it. */
export interface ShownCluster extends Omit<Cluster, 'places'> {
  /** True for the gateway of a cluster, also at a moment without a host. */
  isInCluster: boolean
  /** Host of each agent that lives on one. */
  homes: ReadonlyMap<string, string>
}

/** Returns the cluster, which is read again and again; without hosts if the gateway has none. */
export function useCluster(): ShownCluster {
  const { data, reload } = useQuery('cluster', api.cluster)
  const hosts = data?.hosts ?? []
  const isInCluster = hosts.length > 0 || data?.host_id != null
  useReloadOn(Math.floor(useNow(isInCluster) / readMs), reload)
  const homes = new Map<string, string>()
  for (const { agent_id, host_id } of data?.places ?? [])
    // A host that is dead has the agent until another one takes it.
    if (hosts.some(({ id }) => id === host_id)) homes.set(agent_id, host_id as string)
  return { at: 0, host_id: null, ...data, isInCluster, hosts, homes }
}
