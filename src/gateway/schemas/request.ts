import { z } from 'zod'
import type { InputRequest, PendingRequest, RequestAnswer } from '../../replies.ts'
import { lazily } from '../../config/validation.ts'
import { listOf } from './common.ts'
import { named } from './named.ts'

const tool = () => z.strictObject({ call_id: z.string() }).optional().describe('Tool call that asks')

const asker = () => ({
  id: z.string(),
  session_id: z.string(),
  child: z.boolean().describe('True if a child (subagent) session of the turn asks'),
})

/** Request for a permission, or question, as the wire has it. */
const inputRequest = named('InputRequest', () =>
  z.union([
    z.strictObject({
      type: z.literal('permission'),
      ...asker(),
      permission: z.string(),
      patterns: z.array(z.string()),
      metadata: z.record(z.string(), z.unknown()),
      tool: tool(),
    }),
    z.strictObject({
      type: z.literal('question'),
      ...asker(),
      questions: z.array(
        z.strictObject({
          question: z.string(),
          header: z.string(),
          options: z.array(z.strictObject({ label: z.string(), description: z.string() })),
          multiple: z.boolean().optional(),
          custom: z.boolean().optional(),
        }),
      ),
      tool: tool(),
    }),
  ]),
)

/** Request that waits for its answer. */
export const pendingRequest = named('PendingRequest', () =>
  z.strictObject({
    request: inputRequest(),
    turn_id: z.string(),
    trace_id: z.string().nullable(),
    at: z.number().describe('Time of the request, in epoch ms'),
    expires_at: z.number().describe('Time at which the request is rejected, in epoch ms'),
    agent_id: z.string(),
    tenant: z.string(),
  }),
)

/** List of the open requests, the oldest first. */
export const requestList = listOf('PendingRequestList', pendingRequest)

/** Answer to a request. */
export const answerBody = lazily(() =>
  z.union(
    [
      z.strictObject({
        reply: z.enum(['once', 'always', 'reject'], "expected 'once', 'always' or 'reject'"),
        message: z.string('expected a text').optional().describe('Reason of a rejection, for the model'),
      }),
      z.strictObject({
        answers: z
          .array(
            z.array(z.string('expected a text'), 'expected a list of texts'),
            'expected a list for each question',
          )
          .describe('Chosen labels or own texts, one list for each question'),
      }),
    ],
    'expected { reply, message? } for a permission, or { answers } for a question',
  ),
)

/** Returns the answer in a body. */
export function answerOf(body: z.output<ReturnType<typeof answerBody>>): RequestAnswer {
  if ('answers' in body) return body.answers
  return body.reply === 'reject' && body.message !== undefined ? { reject: body.message } : body.reply
}

/** Returns an open request as the wire has it. */
export const requestOnWire = (pending: PendingRequest): z.output<ReturnType<typeof pendingRequest>> => ({
  request: inputOnWire(pending.request),
  turn_id: pending.turnId,
  trace_id: pending.traceId,
  at: pending.at,
  expires_at: pending.expiresAt,
  agent_id: pending.agentId ?? '',
  tenant: pending.tenant ?? '',
})

function inputOnWire({
  sessionId,
  tool,
  ...request
}: InputRequest): z.output<ReturnType<typeof inputRequest>> {
  return { ...request, session_id: sessionId, ...(tool && { tool: { call_id: tool.callId } }) }
}
