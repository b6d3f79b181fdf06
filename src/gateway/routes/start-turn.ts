import { z } from 'zod'
import { requireApproval, requireWithin } from '../access/turn-rules.ts'
import { preferredType } from '../http/accept.ts'
import { json } from '../http/answers.ts'
import { keyHeader, keyOf } from '../http/idempotency-key.ts'
import { ProblemError } from '../http/problem.ts'
import { route, type Route } from '../http/route.ts'
import { agentIdParameter, flagParameter } from '../schemas/common.ts'
import { turnBody } from '../schemas/turn-body.ts'
import { terminalReply, turnOnWire, turnSchema } from '../schemas/turn.ts'
import type { TurnDesk } from '../turns/turn-desk.ts'
import type { LoggedTurn } from '../turns/turn-log.ts'
import { visibleAgent } from '../turns/visible.ts'
import { turnEvents } from '../schemas/turn-status.ts'
import { afterOf, answerReader, streamTypes, waitForEnd } from './turn-answers.ts'

const types = ['application/json', ...streamTypes] as const

/** Returns the route that starts a turn. */
export const startTurnRoute = (desk: TurnDesk): Route =>
  route({
    id: 'startTurn',
    method: 'post',
    path: '/v1/agents/{id}/turns',
    summary: 'Starts a turn',
    description: `The turn goes on when the client goes, unless \`on_disconnect\` is \`cancel\`. The header Accept chooses the answer: \`application/x-ndjson\` or \`text/event-stream\` gives the replies as they come; else the answer is the turn at once (202), or, with \`wait=true\`, its terminal reply (200). A request with the same Idempotency-Key of the same token for the same agent is the same turn, for 24 h.`,
    tag: 'Turns',
    scopes: ['turn'],
    params: { id: agentIdParameter() },
    query: { wait: flagParameter() },
    headers: { 'Idempotency-Key': keyHeader() },
    body: { schema: turnBody },
    answers: {
      200: {
        description: 'Replies as they come, or the terminal reply',
        schema: () => z.union([terminalReply(), turnEvents()]),
        types,
        headers: { 'Turn-Id': 'Id of the turn' },
      },
      202: {
        description: 'The turn, which runs or waits',
        schema: turnSchema,
        headers: { 'Turn-Id': 'Id of the turn' },
      },
    },
    problems: [409, 422, 429, 507],
    async handle({ context, caller, params, query, body, raw }) {
      const agent = visibleAgent(context, caller, params.id)
      requireApproval(caller, body.on_permission)
      const key = keyOf(raw.headers)
      const type = preferredType(raw.headers.get('accept'), types)
      // Whatever the request may be refused for is read before the turn starts.
      const after = type === 'application/json' ? 0 : afterOf(raw.headers, 0)
      const directory = body.directory && (await requireWithin(agent.directory, body.directory))
      const turn = await desk.start({ agent, caller, body, directory, key })
      const joined = await desk.join(turn)
      const release = body.on_disconnect === 'cancel' ? joined.live?.hold() : undefined
      const asked = { context, raw, turn, joined, onEnd: release }
      try {
        if (type !== 'application/json') return answerReader({ ...asked, caller, after, type })
        if (!query.wait) {
          joined.leave()
          return json(202, turnOnWire(turn), headersOf(turn))
        }
        return json(200, await waitForEnd(asked), headersOf(turn))
      } catch (error) {
        throw error instanceof ProblemError ? error.with(headersOf(turn)) : error
      }
    },
  })

const headersOf = ({ turnId }: LoggedTurn): Record<string, string> => ({
  'turn-id': turnId,
  location: `/v1/turns/${turnId}`,
})
