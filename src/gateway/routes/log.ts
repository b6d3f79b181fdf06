import { z } from 'zod'
import { agentLogTail, keptSpecs } from '../../api/fleet/internals.ts'
import { requireAgent, shownTexts } from '../agents.ts'
import { json } from '../http/answers.ts'
import { route } from '../http/route.ts'
import type { GatewayPart } from '../part.ts'
import { agentIdParameter, listOf, pageLimit } from '../schemas/common.ts'

const linesSchema = listOf('LogLines', () => z.string())

/** Route of the log of an agent's server. */
export const logPart = (): GatewayPart => ({ routes: [readLog] })

const readLog = route({
  id: 'readLog',
  method: 'get',
  path: '/v1/agents/{id}/log',
  tag: 'Agents',
  summary: "Reads the last lines of the log of an agent's server, without secrets; the oldest line first",
  scopes: ['read'],
  params: { id: agentIdParameter() },
  query: { tail: pageLimit(10_000, 200).describe('Number of lines') },
  answers: { 200: { description: 'The lines', schema: linesSchema } },
  async handle({ context, caller, params: { id }, query: { tail } }) {
    requireAgent(context, caller, id)
    const lines = await agentLogTail(context.fleet, id, tail)
    const spec = keptSpecs(context.fleet).get(id) ?? { id }
    return json(200, { items: shownTexts(context, spec, lines), next_before: null })
  },
})
