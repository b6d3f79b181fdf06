import type { TurnErrorCode } from '../../../replies.ts'
import type { WireError } from '../../../io/opencode/wire.ts'

/** A turn's failure, ready to be an error reply. */
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

/** Whether a failure of this kind may be gone next time, where the server does not say. */
export const isRetryable = (code: TurnErrorCode): boolean => retryableCodes.has(code)

/** Takes the secrets out of a text: before it is cut, since half a secret is not known for one. */
export type Mask = (text: string) => string

/** The reply that an error of the server gives (contract, "Which failure gives which reply"). */
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
  // LiteLLM (1.102.4) answers 400 to a model that it does not have and, where it has no database, to a wrong key.
  if (statusCode === 400 && /\bInvalid model name passed in model=/.test(message)) return 'model_not_found'
  if (statusCode === 400 && /^No connected db\b/.test(message)) return 'auth'
  if (statusCode === 401 || statusCode === 403) return 'auth'
  if (statusCode === 429) return 'rate_limited'
  if (retryable === true || (statusCode !== undefined && statusCode >= 500)) return 'provider_unavailable'
  return 'provider_error'
}

/** What the retries were spent on: a retry notice has the provider's words only, no status. */
export function exhaustedCode(message: string): 'rate_limited' | 'provider_unavailable' {
  return /rate.?limit|too many requests|\b429\b|quota|throttl/i.test(message)
    ? 'rate_limited'
    : 'provider_unavailable'
}

/** The first line of a message, without absolute paths of the host and of bounded length. */
export function safeLine(message: string): string {
  const line = message.trim().split(/[\r\n\u2028\u2029]/, 1)[0] ?? ''
  return line
    .replace(/(^|[\s"'`(=[{<>:,;|])(?:file:\/\/)?(?:\/[^\s/"'`)\]}<>:,;|]+){2,}\/?/g, '$1<path>')
    .slice(0, longestLine)
    .trim()
}
