import { z } from 'zod'
import { listOf, usageSchema } from './common.ts'
import { named } from './named.ts'

/** Session of an agent, as `SessionInfo` of the library. */
const sessionSchema = named('Session', () =>
  z.strictObject({
    id: z.string(),
    title: z.string(),
    directory: z.string(),
    created_at: z.number().describe('Epoch ms'),
    updated_at: z.number().describe('Epoch ms'),
    cost_usd: z.number(),
  }),
)

/** Page of sessions. */
export const sessionListSchema = listOf('SessionList', sessionSchema)

/** Reply of a turn: a dict whose `kind` tells its other fields. */
export const replySchema = named('Reply', () => {
  const traceId = z.string().nullable()
  const shared = { trace_id: traceId }
  const call = { ...shared, call_id: z.string(), tool: z.string() }
  const kind = <const K extends string>(name: K) => ({ kind: z.literal(name) })
  return z.union([
    z.strictObject({ ...kind('delta'), ...shared, content: z.string() }),
    z.strictObject({ ...kind('reasoning'), ...shared, content: z.string() }),
    z.strictObject({ ...kind('tool_call'), ...call, args: z.record(z.string(), z.unknown()) }),
    z.strictObject({ ...kind('tool_result'), ...call, result: z.string(), success: z.boolean() }),
    ...terminals(shared),
  ])
})

/** Last reply of a turn. */
export const terminalReplySchema = named('TerminalReply', () =>
  z.union(terminals({ trace_id: z.string().nullable() })),
)

const terminals = (shared: { trace_id: z.ZodType<string | null> }) =>
  [
    z.strictObject({
      kind: z.literal('final'),
      ...shared,
      content: z.string(),
      finish_reason: z.string().nullable(),
      usage: usageSchema(),
    }),
    z.strictObject({
      kind: z.literal('error'),
      ...shared,
      error: z.string(),
      code: z.string(),
      retryable: z.boolean(),
      partial: z.string().optional(),
    }),
  ] as const

/** Turn of a conversation, as `HistoryTurn` of the library. */
const historyTurnSchema = named('HistoryTurn', () =>
  z.strictObject({
    turn_id: z.string().optional(),
    message_id: z.string(),
    text: z.string(),
    attachments: z.array(z.strictObject({ mime: z.string(), filename: z.string().optional() })),
    replies: z.array(replySchema()),
    at: z.number().describe('Epoch ms'),
    usage: usageSchema(),
  }),
)

/** Turns of a conversation, the oldest first. */
export const historySchema = listOf('History', historyTurnSchema)
