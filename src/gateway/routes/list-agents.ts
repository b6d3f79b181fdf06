import { z } from 'zod'
import { agentIdPattern } from '../../config/fleet-schema.ts'
import { shownAgent, visibleAgents } from '../agents.ts'
import { json } from '../http/answers.ts'
import { route } from '../http/route.ts'
import { agentListSchema, lifecycleStates } from '../schemas/agent.ts'
import { nameFilter, pageCursor, pageLimit } from '../schemas/common.ts'

/** Route of the list of agents. */
export const listAgents = route({
  id: 'listAgents',
  method: 'get',
  path: '/v1/agents',
  tag: 'Agents',
  summary: 'Lists the agents that the token may see, by their ids',
  scopes: ['read'],
  query: {
    tenant: nameFilter('the name of a tenant'),
    state: z
      .enum(lifecycleStates, `expected ${lifecycleStates.join(', ')}`)
      .describe("State of the agents' servers")
      .optional(),
    limit: pageLimit(1000, 100),
    before: pageCursor(agentIdPattern),
  },
  answers: { 200: { description: 'A page of agents', schema: agentListSchema } },
  handle({ context, caller, query: { tenant, state, limit, before } }) {
    const found = visibleAgents(context, caller)
      .filter((agent) => tenant === undefined || agent.tenant === tenant)
      .filter((agent) => state === undefined || agent.state === state)
      .filter(({ id }) => before === undefined || id > before)
      .sort((a, b) => (a.id < b.id ? -1 : 1))
    const page = found.slice(0, limit)
    const last = found.length > limit ? page.at(-1)?.id : undefined
    const items = page.map((agent) => shownAgent(context, agent))
    return json(200, { items, next_before: last ?? null })
  },
})
