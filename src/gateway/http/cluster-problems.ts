import type { ClusterStoreError, ClusterStoreFault } from '../../cluster/store/cluster-store.ts'
import { ProblemError } from './problem.ts'

/** Returns the problem of a cluster whose NATS does not answer. */
export const clusterAway = (): ProblemError =>
  new ProblemError(
    {
      status: 503,
      code: 'ERR_OPENCODE_CLUSTER_UNAVAILABLE',
      detail:
        'The gateway cannot reach the cluster: send the request to another gateway, or again in a moment',
      retry_after_ms: 1_000,
    },
    { 'retry-after': '1' },
  )

/** Problems of a cluster that does not take what the gateway asks, by its faults; of any other fault, it is away. */
const clusterProblems: Partial<
  Record<ClusterStoreFault, { status: number; code: string; detail: string; retryMs?: number }>
> = {
  denied: {
    status: 503,
    code: 'ERR_OPENCODE_CLUSTER_DENIED',
    detail:
      'NATS does not allow this to the credentials of the gateway: send the request to the gateway of a host, or give this gateway the key of the hosts',
  },
  no_room: {
    status: 507,
    code: 'ERR_OPENCODE_CLUSTER_FULL',
    detail: 'NATS has no room for this: give its store more space on the disk, or a higher max_file_store',
    retryMs: 60_000,
  },
  full: {
    status: 429,
    code: 'overloaded',
    detail:
      'Too many turns wait for this agent, or too many large ones in the cluster: send the request again later',
    retryMs: 1_000,
  },
  too_large: {
    status: 413,
    code: 'ERR_OPENCODE_TOO_LARGE',
    detail: 'The cluster takes no message of this size: send less',
  },
}

/** Returns the problem of a cluster that does not take what the gateway asks, or that does not answer. */
export function ofCluster({ fault }: ClusterStoreError): ProblemError {
  const known = clusterProblems[fault]
  if (!known) return clusterAway()
  const { retryMs, ...problem } = known
  if (retryMs === undefined) return new ProblemError(problem)
  return new ProblemError({ ...problem, retry_after_ms: retryMs }, { 'retry-after': String(retryMs / 1000) })
}
