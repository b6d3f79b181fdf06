import type { HttpError } from '../../io/opencode/client.ts'
import type { TurnErrorCode } from '../../replies.ts'

/** Local reason for the end of a turn. */
export interface TurnCause {
  code: TurnErrorCode
  error: string
  /** True if the same turn may succeed later; by default, the code decides. */
  retryable?: boolean
}

/** Returns the reason for the end of a turn from an error response of the server. */
export function refusal({ status, message }: HttpError): TurnCause {
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
export const isRefused = (error: unknown): boolean =>
  (error as { code?: unknown } | null | undefined)?.code === 'ECONNREFUSED'
