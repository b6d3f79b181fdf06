import type { TurnErrorCode } from '../../../replies.ts'
import type { WireError } from '../../../io/opencode/wire.ts'
import { codeOf } from '../failure/classify.ts'
import { withEndpoint } from '../failure/endpoint.ts'
import { shownMessage } from '../failure/shown.ts'

/** Failure of a turn, in the form of an error reply. */
export interface Failure {
  code: TurnErrorCode
  error: string
  retryable: boolean
}

const longestLine = 1000

const retryableCodes: ReadonlySet<TurnErrorCode> = new Set([
  'rate_limited',
  'provider_unavailable',
  'deadline_exceeded',
  'stalled',
  'server_unavailable',
  'server_died',
  'overloaded',
  'invalid_output',
])

/** Codes of failures that no retry mends, also if the server retried, because a digit in the text misled it. */
const isFinal: ReadonlySet<TurnErrorCode> = new Set([
  'auth',
  'model_not_found',
  'context_overflow',
  'content_filter',
])

/**
 * Returns whether a failure with this code may disappear on a retry, if the server does not report this itself.
 */
export const isRetryable = (code: TurnErrorCode): boolean => retryableCodes.has(code)

/**
 * Function that masks secrets in a text. Masking must precede cutting, because a cut secret is not
 * recognised.
 */
export type Mask = (text: string) => string

/**
 * Returns the failure of an error that the server reported (contract, "Which failure gives which reply").
 *
 * @param error - the server's error
 * @param mask - masks secrets
 * @param endpoint - URL of the models' endpoint, safe to show
 */
export function failureOf(error: WireError, mask: Mask = (text) => text, endpoint?: string): Failure {
  const code = codeOf(error)
  const shown = safeLine(mask(shownMessage(mask(error.message)))) || error.name
  const isOfEndpoint = code === 'provider_error' || code === 'provider_unavailable'
  return {
    code,
    error: isOfEndpoint ? withEndpoint(shown, endpoint, error.statusCode) : shown,
    retryable: isFinal.has(code) ? false : (error.isRetryable ?? isRetryable(code)),
  }
}

/** Returns the first line of a message, with bounded length and without absolute paths of the host. */
export function safeLine(message: string): string {
  const line = message.trim().split(/[\r\n\u2028\u2029]/, 1)[0] ?? ''
  return line
    .replace(/(^|[\s"'`(=[{<>:,;|])(?:file:\/\/)?(?:\/[^\s/"'`)\]}<>:,;|]+){2,}\/?/g, '$1<path>')
    .slice(0, longestLine)
    .trim()
}
