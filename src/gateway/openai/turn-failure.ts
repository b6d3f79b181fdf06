import type { ErrorReply, TurnErrorCode } from '../../replies.ts'
import { ProblemError } from '../http/problem.ts'
import { refusedByFleet } from '../http/refusals.ts'

/** Status codes of turns that failed. A failure of the provider is none of the client's key or model. */
const statuses: Readonly<Record<TurnErrorCode, number>> = {
  auth: 502,
  rate_limited: 429,
  provider_error: 502,
  provider_unavailable: 503,
  model_not_found: 502,
  context_overflow: 400,
  content_filter: 400,
  output_length: 502,
  cancelled: 409,
  deadline_exceeded: 504,
  stalled: 504,
  server_unavailable: 503,
  server_died: 503,
  session_not_found: 404,
  rejected: 400,
  overloaded: 429,
  invalid_output: 502,
  internal: 500,
}

/** Fields of the request to which codes refer. */
const fields: Partial<Record<TurnErrorCode, string>> = {
  context_overflow: 'messages',
  content_filter: 'messages',
  session_not_found: 'session_id',
  invalid_output: 'output',
}

/** Wait before another try that a client is told, in seconds. */
const retryAfter = '5'

/**
 * Returns the failure of a turn as the failure of its request. The SDKs of OpenAI send a request again by its status
 * code; the header `x-should-retry` keeps them from repeating a turn that would fail again, or that has called a tool.
 */
export function turnFailure(reply: ErrorReply, hasCalledTool = false): ProblemError {
  const { code, error: detail, retryable } = reply
  const refused = refusedByFleet(reply)
  if (refused) return refused
  const status = statuses[code]
  const field = fields[code]
  const mayRetry = retryable && !hasCalledTool
  return new ProblemError(
    { status, code, detail, ...(field !== undefined && { field }) },
    {
      'x-should-retry': String(mayRetry),
      ...(mayRetry && (status === 429 || status === 503) && { 'retry-after': retryAfter }),
    },
  )
}
