import { z } from 'zod'
import { wholeNumber } from '../../config/schema-parts.ts'
import { preferredType } from '../http/accept.ts'
import { json } from '../http/answers.ts'
import { route, type Route } from '../http/route.ts'
import { flagParameter, nameFilter, pageCursor, pageLimit } from '../schemas/common.ts'
import { turnList, turnOnWire, turnSchema, turnState } from '../schemas/turn.ts'
import { turnEvents } from '../schemas/turn-status.ts'
import type { TurnDesk } from '../turns/turn-desk.ts'
import { visibleTurn } from '../turns/visible.ts'
import { startTurnRoute } from './start-turn.ts'
import { afterOf, answerReader, streamTypes } from './turn-answers.ts'

const tag = 'Turns'
const turnId = () => ({ id: z.string().min(1).describe('Id of the turn') })

/** Returns the routes of turns. */
export const turnRoutes = (desk: TurnDesk): Route[] => [
  startTurnRoute(desk),
  listRoute(),
  getRoute(),
  cancelRoute(desk),
  repliesRoute(desk),
]

const listRoute = (): Route =>
  route({
    id: 'listTurns',
    method: 'get',
    path: '/v1/turns',
    summary: 'Lists turns, the newest first',
    tag,
    scopes: ['read'],
    query: {
      agent: nameFilter('the id of an agent'),
      state: turnState().optional(),
      limit: pageLimit(500, 50),
      before: pageCursor(/^\d{1,15}$/),
    },
    answers: { 200: { description: 'A page of turns', schema: turnList } },
    async handle({ context, caller, query }) {
      const { agent: agentId, state, limit, before } = query
      const { items, nextBefore } = await context.log.list({
        ...{ agentId, state, limit, before },
        agents: caller.agents && [...caller.agents],
        tenant: caller.tenant,
      })
      return json(200, { items: items.map(turnOnWire), next_before: nextBefore })
    },
  })

const getRoute = (): Route =>
  route({
    id: 'getTurn',
    method: 'get',
    path: '/v1/turns/{id}',
    summary: 'Shows a turn',
    description: 'A token without the scope `read` sees the turns that it has started.',
    tag,
    scopes: ['read', 'turn'],
    params: turnId(),
    answers: { 200: { description: 'The turn', schema: turnSchema } },
    problems: [404],
    async handle({ context, caller, params }) {
      return json(200, turnOnWire(await visibleTurn(context, caller, params.id)))
    },
  })

const cancelRoute = (desk: TurnDesk): Route =>
  route({
    id: 'cancelTurn',
    method: 'post',
    path: '/v1/turns/{id}/cancel',
    summary: 'Cancels a turn',
    description:
      'The turn ends with the error `cancelled` soon after. A turn that has ended does not change.',
    tag,
    scopes: ['turn'],
    params: turnId(),
    answers: { 202: { description: 'The turn, as it is now', schema: turnSchema } },
    problems: [404],
    async handle({ context, caller, params }) {
      const turn = await visibleTurn(context, caller, params.id)
      const { live, leave } = await desk.join(turn)
      live?.cancel()
      leave()
      return json(202, turnOnWire(turn))
    },
  })

const repliesRoute = (desk: TurnDesk): Route =>
  route({
    id: 'readReplies',
    method: 'get',
    path: '/v1/turns/{id}/replies',
    summary: 'Reads the replies of a turn after a number, then live, until the terminal reply',
    description:
      'Lines of JSON by default. With Accept: text/event-stream, also the events `status`, `request` and `request_closed`, and a comment every 15 s; the header Last-Event-ID counts as `after`.',
    tag,
    scopes: ['read', 'turn'],
    params: turnId(),
    query: {
      after: wholeNumber('the number of a reply', 0)
        .default(0)
        .describe('Number of the last reply that the client has'),
      times: flagParameter().describe(
        'True to have the times of the calls of tools and of their results, as `at`',
      ),
    },
    answers: {
      200: {
        description: 'The replies, each once, in order',
        schema: turnEvents,
        types: streamTypes,
        headers: { 'Turn-Id': 'Id of the turn' },
      },
    },
    problems: [404, 409],
    async handle({ context, caller, params, query, raw }) {
      const turn = await visibleTurn(context, caller, params.id)
      const type = preferredType(raw.headers.get('accept'), streamTypes)
      const after = afterOf(raw.headers, query.after)
      const joined = await desk.join(turn)
      return answerReader({ context, caller, raw, joined, turn, after, hasTimes: query.times, type })
    },
  })
