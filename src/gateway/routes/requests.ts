import { z } from 'zod'
import { InvalidOptionsError, RequestClosedError } from '../../errors.ts'
import type { PendingRequest } from '../../replies.ts'
import { sees, type Caller } from '../access/caller.ts'
import type { GatewayContext } from '../context.ts'
import { empty, json } from '../http/answers.ts'
import { ProblemError } from '../http/problem.ts'
import { asProblem, notFound } from '../http/problems.ts'
import { route, type Route } from '../http/route.ts'
import { answerBody, answerOf, requestList, requestOnWire } from '../schemas/request.ts'
import type { ClosedRequests } from '../turns/closed-requests.ts'

const tag = 'Requests'

/** Returns the routes of the requests that wait for a person. */
export const requestRoutes = (closed: ClosedRequests): Route[] => [listRoute(), answerRoute(closed)]

const listRoute = (): Route =>
  route({
    id: 'listRequests',
    method: 'get',
    path: '/v1/requests',
    summary: 'Lists the open requests of all agents, the oldest first',
    tag,
    scopes: ['read', 'approve'],
    answers: { 200: { description: 'All open requests', schema: requestList } },
    handle({ context, caller }) {
      const items = context.turns.requests.open.filter((pending) => seesRequest(caller, pending))
      return json(200, { items: items.map(requestOnWire), next_before: null })
    },
  })

const answerRoute = (closed: ClosedRequests): Route =>
  route({
    id: 'answerRequest',
    method: 'post',
    path: '/v1/requests/{id}/answer',
    summary: 'Answers a request',
    description: 'The first answer counts. A closed request is 409.',
    tag,
    scopes: ['approve'],
    params: { id: z.string().min(1).describe('Id of the request') },
    body: { schema: answerBody },
    answers: { 204: { description: 'The agent has the answer' } },
    problems: [404, 409],
    async handle({ context, caller, params, body }) {
      requireRequest(context, closed, caller, params.id)
      await context.turns.requests.answer(params.id, answerOf(body)).catch((error: unknown) => {
        throw error instanceof InvalidOptionsError ? wrongAnswer(error, body) : error
      })
      return empty(204)
    },
  })

/** Returns the problem of an answer that does not fit the request. */
function wrongAnswer(error: InvalidOptionsError, body: object): ProblemError {
  const { problem } = asProblem(error)
  return new ProblemError({ ...problem, field: 'answers' in body ? 'answers' : 'reply' })
}

/**
 * Checks that a request is open, and that the caller may see it.
 *
 * @throws RequestClosedError (`ERR_OPENCODE_REQUEST_CLOSED`) for a closed request
 * @throws ProblemError 404, the same for a request of others and for no request
 */
function requireRequest({ turns }: GatewayContext, closed: ClosedRequests, caller: Caller, id: string): void {
  const open = turns.requests.open.find(({ request }) => request.id === id)
  if (open && seesRequest(caller, open)) return
  const asker = closed.get(id)
  if (!open && asker && sees(caller, { id: asker.agentId, tenant: asker.tenant }))
    throw new RequestClosedError(`The request ${JSON.stringify(id)} is closed: it was answered, or has ended`)
  throw notFound(
    'ERR_OPENCODE_UNKNOWN_REQUEST',
    `There is no request ${JSON.stringify(id)}: see /v1/requests for the open requests`,
  )
}

const seesRequest = (caller: Caller, { agentId = '', tenant = '' }: PendingRequest): boolean =>
  sees(caller, { id: agentId, tenant })
