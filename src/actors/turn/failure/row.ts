import type { TurnErrorCode } from '../../../replies.ts'

/** Code of a failure that a provider reports. */
export type ProviderCode = Extract<
  TurnErrorCode,
  | 'auth'
  | 'rate_limited'
  | 'provider_error'
  | 'provider_unavailable'
  | 'model_not_found'
  | 'context_overflow'
  | 'content_filter'
>

/** Words that a provider uses for a failure. */
export interface Wording {
  provider: string
  code: ProviderCode
  pattern: RegExp
  /** Issue (`owner/repo#number`), page or file that shows the words. */
  source: string
  /** HTTP status with which alone the words mean the code; by default, any status. */
  status?: number
}

/** Values of `type`, `code` or `status` in a provider's error object, or names of exceptions. */
export interface ErrorCode {
  provider: string
  code: ProviderCode
  values: readonly string[]
  /** Issue (`owner/repo#number`), page or file that shows the values. */
  source: string
}
