import { z } from 'zod'
import { ignoreErrors } from '../../util/ignore-errors.ts'
import { messageOf } from '../../util/messages.ts'
import { requireAgent, shownAgent } from '../agents.ts'
import { requireHere } from '../cluster/require-here.ts'
import type { GatewayContext } from '../context.ts'
import { json } from '../http/answers.ts'
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
