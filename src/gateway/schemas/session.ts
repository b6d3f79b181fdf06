import { z } from 'zod'
import { listOf, usageSchema } from './common.ts'
import { named } from './named.ts'
import { numberedReply } from './turn.ts'

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

/** Reply of a turn in a history, which has no number. */
const replySchema = named('HistoryReply', () => {
  const numbered: readonly z.ZodObject[] = numberedReply().options
  return z.union(
    numbered.map((option) => option.omit('at' in option.shape ? { seq: true, at: true } : { seq: true })),
  )
})

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
