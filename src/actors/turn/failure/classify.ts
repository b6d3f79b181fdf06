import type { WireError } from '../../../io/opencode/wire.ts'
import type { TurnErrorCode } from '../../../replies.ts'
import { errorCodes } from './codes.ts'
import type { ProviderCode } from './row.ts'
import { unwrap, withoutPrefix, type Unwrapped } from './unwrap.ts'
import { rateLimitedRetry, wordings } from './wordings/table.ts'

/** Codes of opencode's own names of errors, which are the most certain sign. */
const namedCodes: ReadonlyMap<string, TurnErrorCode> = new Map<string, TurnErrorCode>([
  ['ProviderAuthError', 'auth'],
  ['ContextOverflowError', 'context_overflow'],
  ['ContentFilterError', 'content_filter'],
  ['MessageOutputLengthError', 'output_length'],
  ['MessageAbortedError', 'cancelled'],
  ['StructuredOutputError', 'invalid_output'],
])

const meanings: ReadonlyMap<string, ProviderCode> = new Map(
  errorCodes.flatMap(({ code, values }) => values.map((value) => [value, code] as const)),
)

/** Returns the code of an error that the server reported, from the most certain sign to the least. */
export function codeOf({ name, message, statusCode, isRetryable, body }: WireError): TurnErrorCode {
  const named = namedCodes.get(name)
  if (named) return named
  if (/^(\w+: )?Model not found\b/.test(message)) return 'model_not_found'
  if (/^'file part media type .* not supported/.test(message)) return 'rejected'
  if (name !== 'APIError' && name !== 'UnknownError') return 'internal'
  const said = unwrap(message)
  const code = ofStatus(statusCode) ?? ofSigns(said, statusCode) ?? ofBody(body, statusCode)
  if (code) return code
  const inner = statusCode === undefined ? ofClass(said) : undefined
  if (inner) return inner
  if (isRetryable === true && name === 'APIError') return 'provider_unavailable'
  if (statusCode !== undefined && statusCode >= 500) return 'provider_unavailable'
  return name === 'APIError' || said.hasObject ? 'provider_error' : 'internal'
}

/**
 * Returns the code of a failure that a retry cannot mend, if the message of a retry notice clearly says so.
 * A notice has only the provider's message, no status.
 *
 * @remarks Observed in opencode: a digit such as 503 anywhere in an error's text makes the server
 * retry the error.
 */
export function terminalCodeOf(message: string): ProviderCode | undefined {
  const code = ofSigns(unwrap(message), undefined)
  return code === 'rate_limited' || code === 'provider_unavailable' ? undefined : code
}

/** Returns the code of exhausted retries, from the message of the last retry notice. */
export function exhaustedCode(message: string): ProviderCode {
  const said = unwrap(message)
  const code = ofSigns(said, undefined)
  if (code) return code
  const texts = said.messages.map((text) => text.trim())
  const isLimit = rateLimitedRetry.some(({ pattern }) => texts.some((text) => pattern.test(text)))
  return isLimit ? 'rate_limited' : 'provider_unavailable'
}

function ofStatus(status: number | undefined): ProviderCode | undefined {
  if (status === 401 || status === 403) return 'auth'
  return status === 429 ? 'rate_limited' : undefined
}

/** Returns the code that an error's own codes name, else the code that its words mean. */
function ofSigns({ codes, messages }: Unwrapped, status: number | undefined): ProviderCode | undefined {
  for (const value of codes) {
    const code = meanings.get(value) ?? ofStatus(Number(value))
    if (code && code !== 'provider_unavailable') return code
  }
  const texts = messages.flatMap((text) => [text.trim(), withoutPrefix(text)])
  const row = wordings.find(
    (wording) =>
      (wording.status === undefined || wording.status === status) &&
      texts.some((text) => wording.pattern.test(text)),
  )
  return row?.code
}

/** Returns the code that the body of the provider's response names; opencode's message may omit the code. */
const ofBody = (body: string | undefined, status: number | undefined): ProviderCode | undefined =>
  body === undefined ? undefined : ofSigns(unwrap(body), status)

/** Returns the code that only the class of an error tells: a failure of the provider itself, or any other. */
function ofClass({ codes }: Unwrapped): ProviderCode | undefined {
  if (codes.some((value) => meanings.get(value) === 'provider_unavailable')) return 'provider_unavailable'
  const status = codes.map(Number).find((value) => value >= 400 && value < 600)
  if (status === undefined) return undefined
  return status >= 500 ? 'provider_unavailable' : 'provider_error'
}
