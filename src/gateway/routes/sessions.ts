import { SessionNotFoundError } from '../../errors.ts'
import { keptSpecs } from '../../api/fleet/internals.ts'
import type { HistoryTurn } from '../../actors/session/history.ts'
import { text } from '../../config/schema-parts.ts'
import { requireAgent, shownTexts } from '../agents.ts'
import { requireHere } from '../cluster/require-here.ts'
import { empty, json } from '../http/answers.ts'
import { badRequest } from '../http/problem.ts'
import { route } from '../http/route.ts'
import type { GatewayPart } from '../part.ts'
import { agentIdParameter, pageCursor, pageLimit } from '../schemas/common.ts'
import { historySchema, sessionListSchema } from '../schemas/session.ts'
import { snakeKeys } from '../schemas/wire-names.ts'

const tag = 'Sessions'
/** Form of the ids of sessions: a part of a path of the server, so that other characters could make another path. */
const sessionIdForm = /^ses[\w-]*$/
const ofAgent = { agent: agentIdParameter() }
const sessionId = { id: text().describe('Id of a session') }

/** Routes of sessions. */
export const sessionsPart = (): GatewayPart => ({ routes: [listSessions, readHistory, deleteSession] })

const listSessions = route({
  id: 'listSessions',
  method: 'get',
  path: '/v1/agents/{id}/sessions',
  tag,
  summary: "Lists an agent's sessions, the latest changed first; starts its server if necessary",
  scopes: ['read'],
  params: { id: agentIdParameter() },
  query: {
    search: text().describe('Text that the titles contain').optional(),
    limit: pageLimit(1000, 100),
    before: pageCursor(sessionIdForm),
  },
  problems: [409],
  answers: { 200: { description: 'A page of sessions', schema: sessionListSchema } },
  async handle({ context, caller, params: { id }, query: { search, limit, before } }) {
    requireHere(context, requireAgent(context, caller, id))
    const part = { limit: limit + 1, ...(search !== undefined && { search }), ...(before && { before }) }
    const found = await context.fleet
      .agent(id)
      .sessions(part)
      .catch((error: unknown) => {
        throw before !== undefined && error instanceof SessionNotFoundError ? cursorIsGone() : error
      })
    const page = found.slice(0, limit)
    const last = found.length > limit ? page.at(-1)?.id : undefined
    const items = shownTexts(context, keptSpecs(context.fleet).get(id) ?? { id }, page.map(snakeKeys))
    return json(200, { items, next_before: last ?? null })
  },
})

const readHistory = route({
  id: 'readHistory',
  method: 'get',
  path: '/v1/sessions/{id}/history',
  tag,
  summary: 'Reads the turns of a session, the oldest first; starts the server of its agent if necessary',
  scopes: ['read'],
  params: sessionId,
  query: ofAgent,
  problems: [409],
  answers: { 200: { description: 'The turns', schema: historySchema } },
  async handle({ context, caller, params: { id }, query: { agent } }) {
    const status = requireAgent(context, caller, agent)
    requireSessionId(id)
    requireHere(context, status)
    const turns = await context.fleet.agent(agent).session({ sessionId: id }).history()
    return json(200, { items: turns.map(shownTurn), next_before: null })
  },
})

/** Returns a turn of a history with the names of the wire. Its replies have them already. */
const shownTurn = ({ turnId, messageId, ...turn }: HistoryTurn) => ({
  ...(turnId !== undefined && { turn_id: turnId }),
  message_id: messageId,
  ...turn,
})

const deleteSession = route({
  id: 'deleteSession',
  method: 'delete',
  path: '/v1/sessions/{id}',
  tag,
  summary: 'Deletes a session, and erases the texts of its turns',
  scopes: ['turn', 'admin'],
  params: sessionId,
  query: ofAgent,
  problems: [409, 507],
  answers: { 204: { description: 'The session was deleted' } },
  async handle({ context, caller, params: { id }, query: { agent } }) {
    const status = requireAgent(context, caller, agent)
    requireSessionId(id)
    requireHere(context, status)
    await context.fleet.agent(agent).session({ sessionId: id }).delete()
    await context.log.erase({ agentId: agent, tenant: status.tenant, sessionId: id })
    return empty(204)
  },
})

const cursorIsGone = () =>
  badRequest('Invalid field before: the session was deleted, begin again with the first page', 'before')

/** Refuses an id that no session can have, as an unknown one. */
function requireSessionId(id: string): void {
  if (!sessionIdForm.test(id)) throw new SessionNotFoundError(`There is no session ${JSON.stringify(id)}`)
}
