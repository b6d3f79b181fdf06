import type { TerminalReply, Usage } from '../../replies.ts'
import type { LoggedReply, LoggedState, LoggedTurn } from '../turns/turn-log.ts'
import type { Row, Value } from './libsql.ts'
import type { StoredReply } from './pending-replies.ts'

/** Names of the columns with a usage, in the order of {@link usageValues}. */
export const usageColumns = [
  'input_tokens',
  'output_tokens',
  'reasoning_tokens',
  'cache_read_tokens',
  'cache_write_tokens',
  'cost_usd',
] as const satisfies readonly (keyof Usage)[]

/** Returns the values of a usage in the order of its columns. */
export const usageValues = (usage: Usage): number[] => usageColumns.map((column) => usage[column])

/** Returns the usage of a row. */
export function usageOf(row: Row): Usage {
  const [input, output, reasoning, read, write, cost] = usageColumns.map((column) => Number(row[column] ?? 0))
  return {
    input_tokens: input ?? 0,
    output_tokens: output ?? 0,
    reasoning_tokens: reasoning ?? 0,
    cache_read_tokens: read ?? 0,
    cache_write_tokens: write ?? 0,
    cost_usd: cost ?? 0,
  }
}

/** Returns the turn of a row. */
export const turnOf = (row: Row): LoggedTurn => ({
  turnId: text(row['turn_id']),
  agentId: text(row['agent_id']),
  tenant: text(row['tenant']),
  tokenId: text(row['token_id']),
  sessionId: textOrNull(row['session_id']),
  traceId: parsed(row['trace_id']) as string | null,
  model: textOrNull(row['model']),
  state: text(row['state']) as LoggedState,
  createdAt: Number(row['created_at']),
  endedAt: row['ended_at'] == null ? null : Number(row['ended_at']),
  lastSeq: Number(row['last_seq']),
  reply: parsed(row['reply']) as TerminalReply | null,
  hasTexts: row['texts'] === 1,
  usage: usageOf(row),
})

/** Returns the numbered replies of a row of `replies`. */
export function repliesOf(row: Row): LoggedReply[] {
  const replies = JSON.parse(text(row['body'])) as StoredReply[]
  const first = Number(row['last']) - replies.length + 1
  return replies.map((reply, i) => loggedReply(first + i, reply))
}

/** Returns a reply with its number, and its time beside the reply. */
export function loggedReply(seq: number, stored: StoredReply): LoggedReply {
  if (stored.at === undefined) return { seq, reply: stored }
  const { at, ...reply } = stored
  return { seq, reply, at }
}

/** Returns the text of a column. */
export const text = (value: Value | undefined): string => String(value ?? '')

/** Returns the text of a column, or `null`. */
export const textOrNull = (value: Value | undefined): string | null => (value == null ? null : String(value))

const parsed = (value: Value | undefined): unknown => (value == null ? null : JSON.parse(String(value)))
