import { z } from 'zod'
import type { AgentStatus } from '../../api/fleet/types.ts'
import { ignoreErrors } from '../../util/ignore-errors.ts'
import { messageOf } from '../../util/messages.ts'
import { requireAgent, shownAgent } from '../agents.ts'
import type { GatewayContext } from '../context.ts'
import { json } from '../http/answers.ts'
import { ProblemError } from '../http/problem.ts'
import { route } from '../http/route.ts'
import { agentSchema } from '../schemas/agent.ts'
import { agentIdParameter, drainMsParameter } from '../schemas/common.ts'
import { named } from '../schemas/named.ts'

const shared = { method: 'post', tag: 'Agents', params: { id: agentIdParameter() } } as const

/** Options of a stop, in the body or in the query. */
const stopBody = named('AgentStop', () =>
  z.strictObject({ drain_ms: drainMsParameter().unwrap().optional() }, 'expected an object'),
)

/** Route that starts the server of an agent. */
export const startAgent = route({
  ...shared,
  id: 'startAgent',
  path: '/v1/agents/{id}/start',
  summary: "Starts an agent's server, when a place is free; the status tells how it went",
  scopes: ['turn', 'admin'],
  problems: [409],
  answers: { 202: { description: 'The agent, whose server starts', schema: agentSchema } },
  handle({ context, caller, params: { id } }) {
    requireHere(context, requireAgent(context, caller, id))
    start(context, id)
    return json(202, shownAgent(context, requireAgent(context, caller, id)))
  },
})

/** Refuses an agent of a cluster that does not live on this host: its server would be a second one. */
function requireHere({ cluster }: GatewayContext, { id, tenant }: AgentStatus): void {
  if (!cluster) return
  const isPlace = (place: { agentId: string; tenant: string }) =>
    place.agentId === id && place.tenant === tenant
  const host = cluster.handle.status.places.find(isPlace)?.hostId ?? null
  if (host !== null && host === cluster.host?.id) return
  throw new ProblemError({
    status: 409,
    code: 'ERR_OPENCODE_AGENT_ELSEWHERE',
    detail:
      host === null
        ? 'No host of the cluster has the agent: it starts with its next turn'
        : `The agent lives on the host ${host} of the cluster: ask the gateway of that host`,
  })
}

function start({ fleet, options: { logger } }: GatewayContext, id: string): void {
  fleet
    .agent(id)
    .ensureRunning()
    .catch((error: unknown) => {
      ignoreErrors(() => logger?.warn({ agentId: id, error: messageOf(error) }, 'An agent did not start'))
    })
}

/** Route that stops the server of an agent. */
export const stopAgent = route({
  ...shared,
  id: 'stopAgent',
  path: '/v1/agents/{id}/stop',
  summary: "Stops an agent's server; answers when the server has ended",
  scopes: ['admin'],
  query: { drain_ms: drainMsParameter() },
  body: { schema: stopBody, isOptional: true },
  problems: [409],
  answers: { 200: { description: 'The agent, whose server has ended', schema: agentSchema } },
  async handle({ context, caller, params: { id }, query, body }) {
    requireHere(context, requireAgent(context, caller, id))
    await context.fleet.agent(id).stop({ drainMs: body.drain_ms ?? query.drain_ms })
    return json(200, shownAgent(context, requireAgent(context, caller, id)))
  },
})
