import { z } from 'zod'
import { keyHeader, keyOf } from '../http/idempotency-key.ts'
import { route, type Route, type RouteRequest } from '../http/route.ts'
import type { TurnDesk } from '../turns/turn-desk.ts'
import { visibleAgent } from '../turns/visible.ts'
import type { AnswerTerms } from './answer-terms.ts'
import { openAiFailures } from './failures.ts'
import { promptOf } from './prompt.ts'
import { chatChunk, chatCompletion } from './schemas/answer.ts'
import { chatBody, type ChatBody } from './schemas/request.ts'
import { sessionNameOf, type ChatSessions } from './chat-sessions.ts'
import { streamedAnswer } from './streamed-answer.ts'
import { turnOf } from './turn-input.ts'
import { TurnReading } from './turn-reading.ts'
import { requireSupported } from './unsupported.ts'
import { wholeAnswer } from './whole-answer.ts'

const description =
  'The model is the id of an agent. Without `X-Session-Id` the turn has a session of its own, which is deleted afterwards, and the earlier messages are a part of its prompt. With `X-Session-Id`, an id of a session or a name of your own, only the last message is sent, and the conversation goes on. A client that closes the connection cancels the turn. With `stream` the chunks come as server-sent events, and `[DONE]` after them.'

const headers = {
  'X-Session-Id': z
    .string()
    .regex(/^[\x20-\x7e]{1,255}$/)
    .describe('Id of a session (`ses_…`), or a name of your own')
    .optional(),
  'Idempotency-Key': keyHeader(),
}

/** Returns the route of chat completions. */
export const completionsRoute = (desk: TurnDesk, sessions: ChatSessions): Route =>
  route({
    id: 'createChatCompletion',
    method: 'post',
    path: '/openai/v1/chat/completions',
    summary: 'Asks an agent as a model of OpenAI',
    description,
    tag: 'OpenAI',
    scopes: ['turn'],
    headers,
    body: { schema: chatBody },
    failures: openAiFailures,
    answers: {
      200: {
        description: 'The answer, as a whole or in chunks',
        schema: chatCompletion,
        unnamedEvents: chatChunk,
        headers: { 'Turn-Id': 'Id of the turn', 'X-Session-Id': 'Id of the session of the turn' },
      },
    },
    problems: [404, 409, 422, 502, 504, 507],
    handle: (request) => complete(request, desk, sessions),
  })

type CompletionRequest = Pick<
  RouteRequest<Record<string, never>, Record<string, never>, ReturnType<typeof chatBody>>,
  'context' | 'caller' | 'body' | 'raw'
>

/** Answers a request. */
async function complete(
  request: CompletionRequest,
  desk: TurnDesk,
  sessions: ChatSessions,
): Promise<Response> {
  const { context, caller, body, raw } = request
  const agent = visibleAgent(context, caller, body.model)
  requireSupported(body)
  const name = sessionNameOf(raw.headers)
  const key = keyOf(raw.headers)
  const session = await sessions.choose(name, caller, agent)
  const prompt = promptOf(body.messages, session.hasHistory)
  const turn = await desk.start({
    ...{ agent, caller, key, keyed: { name, body } },
    body: turnOf(body, prompt, session.sessionId),
    run: session.runIn?.(prompt.title),
    sent: session.sent,
  })
  const { turnId } = turn
  const joined = await desk.join(turn)
  const reading = new TurnReading({ context, caller, raw, joined, turnId })
  const settled = () => sessions.settled(turnId)
  return answerOf(body, { log: context.log, turn, reading, settled })
}

async function answerOf({ stream, stream_options }: ChatBody, terms: AnswerTerms): Promise<Response> {
  if (stream !== true) return wholeAnswer(terms).finally(() => terms.reading.end())
  return streamedAnswer(terms, stream_options?.include_usage === true).catch((error: unknown) => {
    terms.reading.end()
    throw error
  })
}
