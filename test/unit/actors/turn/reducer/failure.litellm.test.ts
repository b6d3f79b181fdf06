import { describe, expect, it } from 'vitest'
import { exhaustedCode } from '../../../../../src/actors/turn/failure/classify.ts'
import { failureOf } from '../../../../../src/actors/turn/reducer/failure.ts'

/** Returns the code for an error response of LiteLLM 1.102.4, in the form that opencode 1.18.33 reports. */
const codeOf = (statusCode: number, message: string, isRetryable = false) =>
  failureOf({ name: 'APIError', statusCode, message, isRetryable }).code

const invalidModel =
  '/chat/completions: Invalid model name passed in model=ghost. Call `/v1/models` to view available models for your key.'

describe('failureOf, for an error response of LiteLLM', () => {
  it('returns model_not_found for a model that LiteLLM does not have', () => {
    expect(codeOf(400, invalidModel)).toBe('model_not_found')
  })

  it('returns auth for a wrong key, also if LiteLLM has no database of keys', () => {
    expect(codeOf(400, 'No connected db.')).toBe('auth')
    expect(codeOf(401, 'Authentication Error, Invalid proxy server token passed.')).toBe('auth')
  })

  it('returns provider_error for any other 400, also if the message quotes a known text', () => {
    expect(codeOf(400, 'litellm.BadRequestError: OpenAIException - Unsupported parameter')).toBe(
      'provider_error',
    )
    expect(codeOf(400, 'litellm.BadRequestError: the tool said "No connected db."')).toBe('provider_error')
  })

  it('returns provider_unavailable if the database of LiteLLM is down', () => {
    expect(codeOf(503, 'No connected db.', true)).toBe('provider_unavailable')
  })
})

describe('exhaustedCode, for the message of a LiteLLM error', () => {
  it.each([
    ['litellm.RateLimitError: RateLimitError: OpenAIException - slow down', 'rate_limited'],
    ['litellm.ServiceUnavailableError: ServiceUnavailableError: upstream down', 'provider_unavailable'],
    ['litellm.InternalServerError: InternalServerError: Connection error.', 'provider_unavailable'],
  ])('maps %j to %s', (message, code) => {
    expect(exhaustedCode(message)).toBe(code)
  })
})
