import type { GatewayContext } from '../context.ts'
import { ProblemError } from '../http/problem.ts'

/**
 * Checks that the server of an agent may run on this host: in a cluster, only the owner of an agent runs its server.
 *
 * @throws ProblemError 409 that names the owner
 */
export function requireHere({ cluster }: GatewayContext, agent: { id: string; tenant: string }): void {
  if (!cluster) return
  const { handle, host } = cluster
  // The place of a former tenant stays.
  const place = handle.status.places.find(
    ({ agentId, tenant }) => agentId === agent.id && tenant === agent.tenant,
  )
  const owner = place?.hostId ?? undefined
  if (owner !== undefined && owner === host?.id) return
  const where =
    owner === undefined
      ? 'No host has the agent now: send a turn first'
      : `The agent is on the host ${owner}: send the request to the gateway of that host`
  throw new ProblemError({ status: 409, code: 'ERR_OPENCODE_AGENT_ELSEWHERE', detail: where })
}
