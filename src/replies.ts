/** Tokens and cost of a turn: every assistant message once, those of child (subagent) sessions included. */
export interface Usage {
  input_tokens: number
  output_tokens: number
  reasoning_tokens: number
  cache_read_tokens: number
  cache_write_tokens: number
  /** US dollars, as the server computes them from the model's `cost`. */
  cost_usd: number
}

/** Why a turn failed: stable, for `switch`. */
export type TurnErrorCode =
  | 'auth'
  | 'rate_limited'
  | 'provider_error'
  | 'provider_unavailable'
  | 'model_not_found'
  | 'context_overflow'
  | 'content_filter'
  | 'output_length'
  | 'cancelled'
  | 'deadline_exceeded'
  | 'stalled'
  | 'server_unavailable'
  | 'server_died'
  | 'session_not_found'
  | 'rejected'
  | 'overloaded'
  | 'internal'

/** A piece of the answer's text; joined, they are `final.content`. */
export interface DeltaReply {
  kind: 'delta'
  trace_id: string | null
  content: string
}

/** A piece of the model's reasoning; never part of the answer. */
export interface ReasoningReply {
  kind: 'reasoning'
  trace_id: string | null
  content: string
}

/** The model calls a tool, with its real input. */
export interface ToolCallReply {
  kind: 'tool_call'
  trace_id: string | null
  call_id: string
  tool: string
  args: Record<string, unknown>
}

/** A tool ended. A command that exits with 3 is a success of the tool: the model reads the output. */
export interface ToolResultReply {
  kind: 'tool_result'
  trace_id: string | null
  call_id: string
  tool: string
  result: string
  success: boolean
}

/** The turn's answer, whole: one of the two last replies of a turn. */
export interface FinalReply {
  kind: 'final'
  trace_id: string | null
  content: string
  /** `stop`, `length`, or `tool-calls` where a permission was rejected without a message. */
  finish_reason: string | null
  usage: Usage
}

/** The turn's failure, in one line that is safe to show: one of the two last replies of a turn. */
export interface ErrorReply {
  kind: 'error'
  trace_id: string | null
  error: string
  code: TurnErrorCode
  /** Whether the same turn may succeed later without anything being changed. */
  retryable: boolean
  /** The text so far, if there was any. */
  partial?: string
}

/** What a turn says, in snake_case because it crosses process and language borders as it is. */
export type Reply = DeltaReply | ReasoningReply | ToolCallReply | ToolResultReply | FinalReply | ErrorReply

/** The last reply of a turn. */
export type TerminalReply = FinalReply | ErrorReply

/** Whether a reply ends its turn. */
export function isTerminal(reply: Reply): reply is TerminalReply {
  return reply.kind === 'final' || reply.kind === 'error'
}

/** One choice of a {@link QuestionRequest}. */
export interface QuestionOption {
  label: string
  description: string
}

/** The agent asks whether it may do something (opencode 1.18.33, `permission.asked`). */
export interface PermissionRequest {
  type: 'permission'
  id: string
  sessionId: string
  /** Whether a child (subagent) session of the turn asks. */
  child: boolean
  /** The kind of permission: `external_directory`, `bash`, `edit` … */
  permission: string
  patterns: string[]
  metadata: Record<string, unknown>
  tool?: { callId: string }
}

/** The agent asks the user something (opencode 1.18.33, `question.asked`). */
export interface QuestionRequest {
  type: 'question'
  id: string
  sessionId: string
  /** Whether a child (subagent) session of the turn asks. */
  child: boolean
  questions: { question: string; header: string; options: QuestionOption[]; multiple?: boolean }[]
  tool?: { callId: string }
}

/** What a turn may ask of its host; without an answer by the policy's deadline it is rejected. */
export type InputRequest = PermissionRequest | QuestionRequest

/** What {@link TurnReducer} gives for an event: a reply, a request, or the notice of a retry. */
export type TurnOutput =
  | { type: 'reply'; reply: Reply }
  | { type: 'request'; request: InputRequest }
  | { type: 'retry'; attempt: number; message: string; /** epoch ms */ nextAt: number }

/** An event of opencode's stream, unwrapped: `{ id, type, properties }`. */
export interface OpenCodeEvent {
  id?: string
  type: string
  properties: Record<string, unknown>
}

/** Two usages together. */
export function addUsage(a: Usage, b: Usage): Usage {
  const sum = noUsage()
  for (const key of Object.keys(sum) as (keyof Usage)[]) sum[key] = a[key] + b[key]
  return sum
}

/** A usage of nothing. */
export const noUsage = (): Usage => ({
  input_tokens: 0,
  output_tokens: 0,
  reasoning_tokens: 0,
  cache_read_tokens: 0,
  cache_write_tokens: 0,
  cost_usd: 0,
})
