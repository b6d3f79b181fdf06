/**
 * Tokens and cost of a turn. Each assistant message counts once, including those of child (subagent)
 * sessions.
 */
export interface Usage {
  /** Input tokens, without cached tokens. */
  input_tokens: number
  /** Tokens of answers, without reasoning. */
  output_tokens: number
  /** Tokens of reasoning. */
  reasoning_tokens: number
  /** Input tokens read from the provider's cache. */
  cache_read_tokens: number
  /** Input tokens written into the provider's cache. */
  cache_write_tokens: number
  /** Cost in US dollars, computed by the server from the model's `cost`. */
  cost_usd: number
}

/** Stable code of a turn's failure, for `switch`. */
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
  | 'invalid_output'
  | 'internal'

/**
 * Reply with a piece of the answer's text. The joined pieces equal `final.content`. A turn with `output` has
 * one: the answer as JSON.
 */
export interface DeltaReply {
  kind: 'delta'
  /** Trace id of the turn's input. */
  trace_id: string | null
  /** Next piece of the text. */
  content: string
}

/** Reply with a piece of the model's reasoning. Reasoning is never part of the answer. */
export interface ReasoningReply {
  kind: 'reasoning'
  /** Trace id of the turn's input. */
  trace_id: string | null
  /** Next piece of the reasoning. */
  content: string
}

/** Reply for a tool call of the model, with the real input. */
export interface ToolCallReply {
  kind: 'tool_call'
  /** Trace id of the turn's input. */
  trace_id: string | null
  /** Id of the call, unique within the turn and repeated in its result. */
  call_id: string
  /** Name of the tool. */
  tool: string
  /** Input of the tool. */
  args: Record<string, unknown>
}

/**
 * Reply for the end of a tool call.
 * A command that exits with 3 counts as a success of the tool, because the model reads the output.
 */
export interface ToolResultReply {
  kind: 'tool_result'
  /** Trace id of the turn's input. */
  trace_id: string | null
  /** Id of the call. */
  call_id: string
  /** Name of the tool. */
  tool: string
  /** Output of the tool, or its error message. */
  result: string
  /** `false` if the tool failed or its permission was rejected. */
  success: boolean
}

/** Reply with the whole answer: one of the two kinds of terminal reply. */
export interface FinalReply {
  kind: 'final'
  /** Trace id of the turn's input. */
  trace_id: string | null
  /** Text of the whole answer; JSON if the turn has `output`. */
  content: string
  /** Finish reason: `stop`, `length`, or `tool-calls` if a permission was rejected without a message. */
  finish_reason: string | null
  /** Tokens and cost of the turn. */
  usage: Usage
}

/**
 * Reply for a turn's failure, with a one-line message that is safe to show: one of the two kinds of terminal
 * reply.
 */
export interface ErrorReply {
  kind: 'error'
  /** Trace id of the turn's input. */
  trace_id: string | null
  /** Message, in one line. */
  error: string
  /** Code of the failure. */
  code: TurnErrorCode
  /** `true` if the same turn may succeed later without any change. */
  retryable: boolean
  /** Answer text before the failure, if any. */
  partial?: string
}

/**
 * Reply of a turn. Fields are in snake_case, because replies cross process and language borders unchanged.
 */
export type Reply = DeltaReply | ReasoningReply | ToolCallReply | ToolResultReply | FinalReply | ErrorReply

/** Last reply of a turn. */
export type TerminalReply = FinalReply | ErrorReply

/**
 * Returns whether a reply ends its turn.
 *
 * @param reply - The reply to test.
 * @returns `true` for a `final` or an `error` reply.
 */
export function isTerminal(reply: Reply): reply is TerminalReply {
  return reply.kind === 'final' || reply.kind === 'error'
}

/** Choice of a {@link QuestionRequest}. */
export interface QuestionOption {
  /** Text of the choice; an answer repeats it. */
  label: string
  /** Explanation of the choice. */
  description: string
}

/**
 * Request of the agent for a permission.
 *
 * @remarks Observed in opencode: event `permission.asked`.
 */
export interface PermissionRequest {
  type: 'permission'
  /** Id of the request. */
  id: string
  /** Id of the session that asks. */
  sessionId: string
  /** `true` if a child (subagent) session of the turn asks. */
  child: boolean
  /** Kind of permission, such as `external_directory`, `bash` or `edit`. */
  permission: string
  /** Commands, paths or URLs that the permission is for. */
  patterns: string[]
  /** Details that depend on the kind, such as a diff. */
  metadata: Record<string, unknown>
  /** Tool call that asks, by the `call_id` of its reply. */
  tool?: { callId: string }
}

/**
 * Question of the agent to the user.
 *
 * @remarks Observed in opencode: event `question.asked`.
 */
export interface QuestionRequest {
  type: 'question'
  /** Id of the request. */
  id: string
  /** Id of the session that asks. */
  sessionId: string
  /** `true` if a child (subagent) session of the turn asks. */
  child: boolean
  /** Questions, in the order of the answers: text, short title, choices, and whether several may be chosen. */
  questions: {
    question: string
    header: string
    options: QuestionOption[]
    multiple?: boolean
    /** `false` if only the labels of `options` are answers. */
    custom?: boolean
  }[]
  /** Tool call that asks, by the `call_id` of its reply. */
  tool?: { callId: string }
}

/** Request of a turn to its host. A request without an answer is rejected at the policy's deadline. */
export type InputRequest = PermissionRequest | QuestionRequest

/**
 * Answer to an {@link InputRequest}. A permission takes `once`, `always`, `reject` or a rejection with a
 * message; a question takes one list of chosen labels or own texts per question, or `reject`.
 */
export type RequestAnswer = 'once' | 'always' | 'reject' | { reject: string } | string[][]

/** Request that waits for its answer. */
export interface PendingRequest {
  request: InputRequest
  /** Id of the turn that asks. */
  turnId: string
  /** Trace id of the turn's input. */
  traceId: string | null
  /** Time of the request, in epoch ms. */
  at: number
  /** Time at which the request is rejected if no answer has come, in epoch ms. */
  expiresAt: number
  /** Id of the agent that asks, if the host runs several agents. */
  agentId?: string
  /** Tenant of the agent, if the host has tenants. */
  tenant?: string
}

/** Entry of an agent's todo list. */
export interface Todo {
  /** Task, in words. */
  content: string
  /** `pending`, `in_progress`, `completed` or `cancelled`; the model may write others. */
  status: string
  /** `high`, `medium` or `low`; the model may write others. */
  priority: string
}

/** Output of {@link TurnReducer} for an event: a reply, a request, or the notice of a retry. */
export type TurnOutput =
  | { type: 'reply'; reply: Reply }
  | { type: 'request'; request: InputRequest }
  | { type: 'retry'; attempt: number; message: string; /** Epoch ms. */ nextAt: number }

/** Event of opencode's stream, unwrapped: `{ id, type, properties }`. */
export interface OpenCodeEvent {
  /** Id of the event; a repeated event has the same id. */
  id?: string
  /** Name of the event, such as `message.updated`. */
  type: string
  /** Data of the event, which depend on `type`. */
  properties: Record<string, unknown>
}

/**
 * Returns the sum of two usages.
 *
 * @internal
 */
export function addUsage(a: Usage, b: Usage): Usage {
  const sum = noUsage()
  for (const key of Object.keys(sum) as (keyof Usage)[]) sum[key] = a[key] + b[key]
  return sum
}

/**
 * Returns a usage of zero.
 *
 * @internal
 */
export const noUsage = (): Usage => ({
  input_tokens: 0,
  output_tokens: 0,
  reasoning_tokens: 0,
  cache_read_tokens: 0,
  cache_write_tokens: 0,
  cost_usd: 0,
})
