import type { HttpError } from '../../io/opencode/client.ts'
import type { TurnErrorCode } from '../../replies.ts'

/** A local end of a turn. */
export interface TurnCause {
  code: TurnErrorCode
  error: string
  /** Whether the same turn may succeed later; by default as the code says. */
  retryable?: boolean
}

/** What an answer of the server that is no success means for a turn. */
export function refusal({ status, message }: HttpError): TurnCause {
  if (status === 404) return { code: 'session_not_found', error: message }
  if (status === 401 || status === 403)
    return { code: 'auth', error: `The server refused the credentials (${status})` }
  if (status >= 400 && status < 500) return { code: 'rejected', error: message }
  return { code: 'internal', error: message }
}

/** Whether there was no answer at all. */
export function isNetworkError(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' && /^(UND_ERR|E[A-Z]+$)/.test(code)
}

/** Whether nothing listens there, so that what was asked did not arrive. */
export const isRefused = (error: unknown): boolean =>
  (error as { code?: unknown } | null | undefined)?.code === 'ECONNREFUSED'
