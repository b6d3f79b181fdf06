import { merge, filter, map, type Observable } from 'rxjs'
import type { ErrorReply, Reply, Turn, TurnErrorCode } from 'opencode-runtime'

/** State of the service, the same as that of its machine. */
export type ServiceState = 'opening' | 'ready' | 'degraded' | 'down' | 'closing' | 'closed'

/** Advice for sending a failed message again: at once, later, or only after a change. */
export type RetryAdvice = 'now' | 'later' | 'never'

/** Event of a message. The last event is an `answer` or an `error`; there is always exactly one. */
export type Progress =
  | { type: 'delta'; text: string }
  | { type: 'tool'; call: string; tool: string; state: 'running' | 'done' | 'failed' }
  /** Permission that the agent waits for; `request` identifies it in the client's answer. */
  | { type: 'permission'; request: string; permission: string; patterns: string[] }
  /** Failure of the model's provider, followed by a retry: the deltas so far are void. */
  | { type: 'retrying'; reason: string }
  /** Whole text, to be shown in place of the deltas. */
  | { type: 'answer'; text: string; tokens: number }
  | { type: 'error'; code: TurnErrorCode; error: string; retry: RetryAdvice; partial?: string }

export type MessageEvent = { room: string; message: string } & Progress
export type StatusEvent = { type: 'status'; status: ServiceState; reason?: string }

/** Event that a client receives. */
export type ChatEvent = StatusEvent | MessageEvent

/** Returns whether the event is the last event of its message. */
export const isEnd = ({ type }: Progress): boolean => type === 'answer' || type === 'error'

/**
 * Returns the progress of a turn, for the clients of its room. Completes after the turn's end; never errors.
 */
export const progressOf = ({ replies$, requests$, status$ }: Turn): Observable<Progress> =>
  merge(
    requests$.pipe(
      filter((request) => request.type === 'permission'),
      map(({ type, id, permission, patterns }) => ({ type, request: id, permission, patterns })),
    ),
    status$.pipe(
      filter((status) => status.state === 'retrying'),
      map(({ state, message }) => ({ type: state, reason: message })),
    ),
    replies$.pipe(
      filter((reply) => reply.kind !== 'reasoning'),
      map(ofReply),
    ),
  )

function ofReply(reply: Exclude<Reply, { kind: 'reasoning' }>): Progress {
  switch (reply.kind) {
    case 'delta':
      return { type: 'delta', text: reply.content }
    case 'tool_call':
      return { type: 'tool', call: reply.call_id, tool: reply.tool, state: 'running' }
    case 'tool_result':
      return { type: 'tool', call: reply.call_id, tool: reply.tool, state: reply.success ? 'done' : 'failed' }
    case 'final': {
      const { input_tokens, output_tokens } = reply.usage
      return { type: 'answer', text: reply.content, tokens: input_tokens + output_tokens }
    }
    case 'error': {
      const { code, error, partial } = reply
      return { type: 'error', code, error, retry: adviceOn(reply), ...(partial !== undefined && { partial }) }
    }
  }
}

/**
 * Returns the advice for an error. A shortage at the provider or the service lasts a while; a server that
 * died is back in a moment.
 */
function adviceOn({ code, retryable }: ErrorReply): RetryAdvice {
  if (!retryable) return 'never'
  const takesLong: TurnErrorCode[] = [
    'rate_limited',
    'provider_unavailable',
    'server_unavailable',
    'overloaded',
  ]
  return takesLong.includes(code) ? 'later' : 'now'
}
