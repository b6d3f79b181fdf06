import { z } from 'zod'
import { named } from '../../schemas/named.ts'

const count = () => z.int().min(0)
const seconds = () => z.int().min(0).describe('Time in epoch seconds')

/** Tokens of an answer. Those of the cache are input, and those of reasoning are output. */
const usage = named('ChatUsage', () =>
  z.strictObject({
    prompt_tokens: count(),
    completion_tokens: count(),
    total_tokens: count(),
    prompt_tokens_details: z.strictObject({ cached_tokens: count() }),
    completion_tokens_details: z.strictObject({ reasoning_tokens: count() }),
  }),
)

const call = () => ({ call_id: z.string(), tool: z.string() })
const args = () => z.record(z.string(), z.unknown())

/** Turn of an answer. */
const turn = () => ({
  turn_id: z.string(),
  session_id: z.string().nullable().describe('Session of the turn; null if unknown'),
})

/** Turn of a whole answer, with its cost and the calls of its tools. */
const wholeTurn = named('ChatTurn', () =>
  z.strictObject({
    ...turn(),
    cost_usd: z.number(),
    tools: z.array(
      z.strictObject({
        ...call(),
        args: args(),
        result: z.string().nullable(),
        success: z.boolean().nullable(),
      }),
    ),
  }),
)

const finish = () => z.enum(['stop', 'length']).nullable()

/** Answer as a whole. */
export const chatCompletion = named('ChatCompletion', () =>
  z.strictObject({
    id: z.string(),
    object: z.literal('chat.completion'),
    created: seconds(),
    model: z.string(),
    choices: z.array(
      z.strictObject({
        index: z.literal(0),
        message: z.strictObject({
          role: z.literal('assistant'),
          content: z.string(),
          refusal: z.null(),
          reasoning_content: z.string().optional(),
        }),
        logprobs: z.null(),
        finish_reason: finish(),
      }),
    ),
    usage: usage(),
    x_opencode: wholeTurn(),
  }),
)

/** Beside the text: the turn, in the first and the last chunk, and the progress of its tools. */
const chunkTurn = named('ChatProgress', () =>
  z.union([
    z.strictObject({ ...turn(), cost_usd: z.number().optional() }),
    z.strictObject({ kind: z.literal('tool_call'), ...call(), args: args() }),
    z.strictObject({ kind: z.literal('tool_result'), ...call(), result: z.string(), success: z.boolean() }),
  ]),
)

/** Data of the events of a stream, before the last one, which is `[DONE]`. */
export const chatChunk = named('ChatCompletionChunk', () =>
  z.strictObject({
    id: z.string(),
    object: z.literal('chat.completion.chunk'),
    created: seconds(),
    model: z.string(),
    choices: z.array(
      z.strictObject({
        index: z.literal(0),
        delta: z.strictObject({
          role: z.literal('assistant').optional(),
          content: z.string().optional(),
          reasoning_content: z.string().optional(),
        }),
        logprobs: z.null(),
        finish_reason: finish(),
      }),
    ),
    usage: usage().nullable().optional(),
    x_opencode: chunkTurn().optional(),
  }),
)

/** Agent as a model. */
export const chatModel = named('ChatModel', () =>
  z.strictObject({
    id: z.string().describe('Id of the agent'),
    object: z.literal('model'),
    created: seconds(),
    owned_by: z.string().describe('Tenant of the agent'),
  }),
)

/** Agents as models. */
export const chatModelList = named('ChatModelList', () =>
  z.strictObject({ object: z.literal('list'), data: z.array(chatModel()) }),
)

/** Answer that tells a failure. */
export const chatError = named('ChatError', () =>
  z.strictObject({
    error: z.strictObject({
      message: z.string().describe('What happened, and what to do'),
      type: z.enum(['invalid_request_error', 'rate_limit_error', 'server_error']),
      param: z.string().nullable().describe('Field of the request that is wrong'),
      code: z.string().describe('A code of OpenAI, or that of the same failure elsewhere in the gateway'),
    }),
  }),
)

/** Answer as a whole, on the wire. */
export type ChatCompletion = z.output<ReturnType<typeof chatCompletion>>

/** Event of a stream, on the wire. */
export type ChatChunk = z.output<ReturnType<typeof chatChunk>>

/** Tokens of an answer, on the wire. */
export type ChatUsage = z.output<ReturnType<typeof usage>>
