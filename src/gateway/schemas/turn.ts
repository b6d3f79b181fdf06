import { z } from 'zod'
import type { Reply, TerminalReply, TurnErrorCode } from '../../replies.ts'
import type { LoggedReply, LoggedTurn } from '../turns/turn-log.ts'
import { listOf, usageSchema } from './common.ts'
import { named } from './named.ts'
import { wireTexts } from './wire-texts.ts'

const traceId = z.string().nullable()
const callId = z.string().describe('Id of the call, unique within the turn')

/** Terminal reply of a turn. */
export const terminalReply = named('TerminalReply', () =>
  z.union([
    z.strictObject({
      kind: z.literal('final'),
      trace_id: traceId,
      content: z.string().describe('Whole answer; JSON if the turn has `output`'),
      finish_reason: z.string().nullable(),
      usage: usageSchema(),
    }),
    z.strictObject({
      kind: z.literal('error'),
      trace_id: traceId,
      error: z.string().describe('Message in one line, which is safe to show'),
      code: z.string(),
      retryable: z.boolean().describe('True if the same turn may succeed later'),
      partial: z.string().describe('Text before the failure').optional(),
    }),
  ]),
)

const pieceOf = <const Kind extends string>(kind: Kind) =>
  z.strictObject({ kind: z.literal(kind), trace_id: traceId, content: z.string() })

const at = () => z.number().describe('Time in epoch ms, if the request asks for times').optional()

const seq = z
  .int()
  .min(1)
  .describe('Number of the reply in its turn, from 1; in a cluster, numbers are left out')

/** Reply with its number, as a line of NDJSON or the event `reply`. */
export const numberedReply = named('Reply', () => {
  const call = { trace_id: traceId, call_id: callId, tool: z.string() }
  const [final, error] = terminalReply().options
  return z.union([
    pieceOf('delta').extend({ seq }),
    pieceOf('reasoning').extend({ seq }),
    z.strictObject({
      kind: z.literal('tool_call'),
      ...call,
      args: z.record(z.string(), z.unknown()),
      at: at(),
      seq,
    }),
    z.strictObject({
      kind: z.literal('tool_result'),
      ...call,
      result: z.string(),
      success: z.boolean(),
      at: at(),
      seq,
    }),
    final.extend({ seq }),
    error.extend({ seq }),
  ])
})

/** State of a turn. */
export const turnState = () => z.enum(['queued', 'running', 'done'], "expected 'queued', 'running' or 'done'")

const time = () => z.iso.datetime()

/** Turn, as the gateway shows it. */
export const turnSchema = named('Turn', () =>
  z.strictObject({
    turn_id: z.string(),
    agent: z.string().describe('Id of the agent'),
    session_id: z.string().nullable(),
    trace_id: traceId,
    state: turnState(),
    created_at: time(),
    ended_at: time().nullable(),
    last_seq: z.int().min(0).describe('Number of the last stored reply; 0 before the first one'),
    reply: terminalReply()
      .nullable()
      .describe('Terminal reply; null before the end, and after the texts were deleted'),
    usage: usageSchema(),
  }),
)

/** List of turns, the newest first. */
export const turnList = listOf('TurnList', turnSchema)

/** Returns a turn as the wire has it. */
export const turnOnWire = (turn: LoggedTurn): z.output<ReturnType<typeof turnSchema>> => ({
  turn_id: turn.turnId,
  agent: turn.agentId,
  session_id: turn.sessionId,
  trace_id: turn.traceId,
  state: turn.state,
  created_at: new Date(turn.createdAt).toISOString(),
  ended_at: turn.endedAt === null ? null : new Date(turn.endedAt).toISOString(),
  last_seq: turn.lastSeq,
  reply: turn.reply,
  usage: turn.usage,
})

/** Codes of errors whose messages are this package's own. A message of the provider stays as it is. */
const ownCodes = new Set<TurnErrorCode>([
  'cancelled',
  'deadline_exceeded',
  'stalled',
  'server_unavailable',
  'server_died',
  'session_not_found',
  'rejected',
  'overloaded',
  'invalid_output',
  'internal',
])

/** Returns a terminal reply whose message has the names of options as the wire has them. */
export const terminalOnWire = (reply: TerminalReply): TerminalReply =>
  reply.kind === 'error' && ownCodes.has(reply.code) ? { ...reply, error: wireTexts(reply.error) } : reply

/** Returns a reply as the wire has it, with its number, and with its time if the reader wants times. */
export const replyOnWire = (
  { seq, reply, at }: LoggedReply,
  hasTimes = false,
): Reply & { seq: number; at?: number } => ({ ...reply, seq, ...(hasTimes && at !== undefined && { at }) })
