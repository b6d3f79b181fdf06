import { HostFaultError, InvalidOptionsError, messageWithoutPaths } from '../../errors.ts'
import { HttpError } from '../../io/opencode/client.ts'
import { messageOf } from '../../util/messages.ts'
import type { ErrorReply, TurnErrorCode } from '../../replies.ts'
import { isRetryable, safeLine, type Mask } from './reducer/failure.ts'

/** Local reason for the end of a turn. */
export interface TurnCause {
  code: TurnErrorCode
  error: string
  /** True if the same turn may succeed later; by default, the code decides. */
  retryable?: boolean
  /** Error of the server, for callers that receive an error and no reply. */
  thrown?: Error
}

/** Returns the terminal reply of a turn that ends for a local reason. */
export function errorReply(traceId: string | null, cause: TurnCause, mask: Mask): ErrorReply {
  const { code, error, retryable = isRetryable(code) } = cause
  return { kind: 'error', trace_id: traceId, error: safeLine(mask(error)), code, retryable }
}

/** Reason for the end of a turn that its caller cancels. */
export const cancelledTurn: TurnCause = { code: 'cancelled', error: 'The turn was cancelled' }

/** Returns the reason for the end of a turn at its time limit. */
export const deadlineExceeded = (deadlineMs: number): TurnCause => ({
  code: 'deadline_exceeded',
  error: `The turn did not end within ${deadlineMs} ms`,
})

/** Returns the reason for the end of a turn from an error of a request to the server. */
export function causeOf(error: unknown): TurnCause {
  if (error instanceof HttpError) return refusal(error)
  if (error instanceof InvalidOptionsError) return { code: 'rejected', error: error.message }
  if (error instanceof HostFaultError)
    return { code: 'server_unavailable', error: messageWithoutPaths(error) }
  const message = messageOf(error)
  return isNetworkError(error)
    ? { code: 'server_unavailable', error: `The server did not answer: ${message}` }
    : { code: 'internal', error: message }
}

/** Returns the reason for the end of a turn from an error response of the server. */
function refusal({ status, message }: HttpError): TurnCause {
  if (status === 404) return { code: 'session_not_found', error: message }
  if (status === 401 || status === 403)
    return { code: 'auth', error: `The server refused the credentials (${status})` }
  if (status >= 400 && status < 500) return { code: 'rejected', error: message }
  return { code: 'internal', error: message }
}

/** Returns whether the server sent no response. */
export function isNetworkError(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' && /^(UND_ERR|E[A-Z]+$)/.test(code)
}

/** Returns whether the host refused the connection, so that the request did not arrive. */
export const isConnectionRefused = (error: unknown): boolean =>
  (error as { code?: unknown } | null | undefined)?.code === 'ECONNREFUSED'
