import { z } from 'zod'
import { visibleAgents } from '../agents.ts'
import { json } from '../http/answers.ts'
import { route, type Route } from '../http/route.ts'
import { visibleAgent } from '../turns/visible.ts'
import { openAiFailures } from './failures.ts'
import { chatModel, chatModelList } from './schemas/answer.ts'

const shared = { method: 'get', tag: 'OpenAI', scopes: ['read', 'turn'], failures: openAiFailures } as const

/**
 * Returns the routes of agents as models.
 *
 * @param created - time that all models tell, in epoch seconds: a record of an agent tells none
 */
export const modelRoutes = (created: number): Route[] => {
  const modelOf = ({ id, tenant }: { id: string; tenant: string }) =>
    ({ id, object: 'model', created, owned_by: tenant }) as const
  return [
    route({
      ...shared,
      id: 'listModels',
      path: '/openai/v1/models',
      summary: 'Lists the agents that the token may see, as models of OpenAI',
      answers: { 200: { description: 'The agents, by their ids', schema: chatModelList } },
      handle({ context, caller }) {
        const agents = visibleAgents(context, caller).sort((a, b) => (a.id < b.id ? -1 : 1))
        return json(200, { object: 'list', data: agents.map(modelOf) })
      },
    }),
    route({
      ...shared,
      id: 'getModel',
      path: '/openai/v1/models/{id}',
      summary: 'Reads an agent as a model of OpenAI',
      params: { id: z.string().min(1).describe('Id of an agent') },
      answers: { 200: { description: 'The agent', schema: chatModel } },
      handle: ({ context, caller, params }) => json(200, modelOf(visibleAgent(context, caller, params.id))),
    }),
  ]
}
