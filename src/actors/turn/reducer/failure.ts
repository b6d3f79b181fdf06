import type { TurnErrorCode } from '../../../replies.ts'
import type { WireError } from '../../../io/opencode/wire.ts'

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

/** Returns the failure of an error that the server reported (contract, "Which failure gives which reply"). */
export function failureOf(error: WireError, mask: Mask = (text) => text): Failure {
  return {
    code: codeOf(error),
    error: safeLine(mask(error.message)) || error.name,
    retryable: error.isRetryable ?? false,
  }
}

function codeOf({ name, message, statusCode, isRetryable: retryable }: WireError): TurnErrorCode {
  if (name === 'ProviderAuthError') return 'auth'
  if (name === 'ContextOverflowError') return 'context_overflow'
  if (name === 'ContentFilterError') return 'content_filter'
  if (name === 'MessageOutputLengthError') return 'output_length'
  if (name === 'MessageAbortedError') return 'cancelled'
  if (/^(\w+: )?Model not found\b/.test(message)) return 'model_not_found'
  if (/^'file part media type .* not supported/.test(message)) return 'rejected'
  if (name !== 'APIError') return 'internal'
  // LiteLLM (1.102.4) answers 400 if it does not have the model, and if it has no database and the key is
  // wrong.
  if (statusCode === 400 && /\bInvalid model name passed in model=/.test(message)) return 'model_not_found'
  if (statusCode === 400 && /^No connected db\b/.test(message)) return 'auth'
  if (statusCode === 401 || statusCode === 403) return 'auth'
  if (statusCode === 429) return 'rate_limited'
  if (retryable === true || (statusCode !== undefined && statusCode >= 500)) return 'provider_unavailable'
  return 'provider_error'
}

/** Returns the code of exhausted retries. A retry notice has only the provider's message, no status. */
export function exhaustedCode(message: string): 'rate_limited' | 'provider_unavailable' {
  return /rate.?limit|too many requests|\b429\b|quota|throttl/i.test(message)
    ? 'rate_limited'
    : 'provider_unavailable'
}

/** Returns the first line of a message, with bounded length and without absolute paths of the host. */
export function safeLine(message: string): string {
  const line = message.trim().split(/[\r\n\u2028\u2029]/, 1)[0] ?? ''
  return line
    .replace(/(^|[\s"'`(=[{<>:,;|])(?:file:\/\/)?(?:\/[^\s/"'`)\]}<>:,;|]+){2,}\/?/g, '$1<path>')
    .slice(0, longestLine)
    .trim()
}
