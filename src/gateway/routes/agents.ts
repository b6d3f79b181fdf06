import { requireAgent, shownAgent } from '../agents.ts'
import { applyAgents, patchAgent, putAgent, removeAgent } from '../declare-agents.ts'
import { empty, json } from '../http/answers.ts'
import { route } from '../http/route.ts'
import type { GatewayPart } from '../part.ts'
import { agentSchema, applyResultSchema } from '../schemas/agent.ts'
import { agentIdParameter, drainMsParameter, flagParameter } from '../schemas/common.ts'
import { applyBody, patchBody, putBody } from '../schemas/spec.ts'
import { listAgents } from './list-agents.ts'
import { startAgent, stopAgent } from './start-stop.ts'

const tag = 'Agents'

/** Path of one agent. */
const byId = { path: '/v1/agents/{id}', tag, params: { id: agentIdParameter() } } as const

/** Routes of agents: what the fleet declares, and the servers of agents. */
export const agentsPart = (): GatewayPart => ({
  routes: [listAgents, apply, getAgent, putOne, patchOne, deleteOne, startAgent, stopAgent],
})

const apply = route({
  id: 'applyAgents',
  method: 'put',
  path: '/v1/agents',
  tag,
  summary: 'Declares agents; with `prune`, removes the agents that are not named',
  scopes: ['admin'],
  query: { prune: flagParameter() },
  body: { schema: applyBody },
  problems: [404, 422, 507],
  answers: { 200: { description: 'Ids of the agents, by what was done', schema: applyResultSchema } },
  async handle({ context, caller, query, body }) {
    return json(200, await applyAgents(context, caller, body.agents, query.prune))
  },
})

const getAgent = route({
  ...byId,
  id: 'getAgent',
  method: 'get',
  summary: 'Reads an agent',
  scopes: ['read'],
  answers: { 200: { description: 'The agent', schema: agentSchema } },
  handle: ({ context, caller, params }) =>
    json(200, shownAgent(context, requireAgent(context, caller, params.id))),
})

const putOne = route({
  ...byId,
  id: 'putAgent',
  method: 'put',
  summary: 'Declares an agent; the body replaces its whole spec, with the fields that are never shown',
  scopes: ['admin'],
  body: { schema: putBody },
  problems: [422, 507],
  answers: {
    200: { description: 'The agent, which was known', schema: agentSchema },
    201: {
      description: 'The new agent',
      schema: agentSchema,
      headers: { Location: 'Path of the agent' },
    },
  },
  async handle({ context, caller, params: { id }, body }) {
    const { added } = await putAgent(context, caller, id, body)
    const agent = shownAgent(context, requireAgent(context, caller, id))
    return added.length > 0 ? json(201, agent, { location: `/v1/agents/${id}` }) : json(200, agent)
  },
})

const patchOne = route({
  ...byId,
  id: 'patchAgent',
  method: 'patch',
  summary: 'Changes fields of an agent by a JSON merge patch (RFC 7396); null removes a field',
  scopes: ['admin'],
  body: { schema: patchBody, types: ['application/json', 'application/merge-patch+json'] },
  problems: [422, 507],
  answers: { 200: { description: 'The agent', schema: agentSchema } },
  async handle({ context, caller, params: { id }, body }) {
    await patchAgent(context, caller, id, body)
    return json(200, shownAgent(context, requireAgent(context, caller, id)))
  },
})

const deleteOne = route({
  ...byId,
  id: 'deleteAgent',
  method: 'delete',
  summary: "Removes an agent, and erases the texts of its turns; answers when the agent's server has ended",
  scopes: ['admin'],
  query: { drain_ms: drainMsParameter(), delete_home: flagParameter() },
  problems: [507],
  answers: { 204: { description: 'The agent was removed' } },
  async handle({ context, caller, params: { id }, query }) {
    const { tenant } = requireAgent(context, caller, id)
    await removeAgent(context, { id, tenant }, { drainMs: query.drain_ms, deleteHome: query.delete_home })
    return empty(204)
  },
})
