import { describe, expect, it } from 'vitest'
import { exhaustedCode, failureOf } from '../../../../../src/actors/turn/reducer/failure.ts'

/** The answers of LiteLLM 1.102.4 as opencode 1.18.33 hands them on. */
const codeOf = (statusCode: number, message: string, isRetryable = false) =>
  failureOf({ name: 'APIError', statusCode, message, isRetryable }).code

const invalidModel =
  '/chat/completions: Invalid model name passed in model=ghost. Call `/v1/models` to view available models for your key.'

describe('failureOf an answer of LiteLLM', () => {
  it('is model_not_found for a model that it does not have', () => {
    expect(codeOf(400, invalidModel)).toBe('model_not_found')
  })

  it('is auth for a wrong key, also where it has no database to look the key up', () => {
    expect(codeOf(400, 'No connected db.')).toBe('auth')
    expect(codeOf(401, 'Authentication Error, Invalid proxy server token passed.')).toBe('auth')
  })

  it('is provider_error for any other 400, whatever it quotes', () => {
    expect(codeOf(400, 'litellm.BadRequestError: OpenAIException - Unsupported parameter')).toBe(
      'provider_error',
    )
    expect(codeOf(400, 'litellm.BadRequestError: the tool said "No connected db."')).toBe('provider_error')
  })

  it('is provider_unavailable where its database is down', () => {
    expect(codeOf(503, 'No connected db.', true)).toBe('provider_unavailable')
  })
})

describe('exhaustedCode of a retry notice from LiteLLM', () => {
  it.each([
    ['litellm.RateLimitError: RateLimitError: OpenAIException - slow down', 'rate_limited'],
    ['litellm.ServiceUnavailableError: ServiceUnavailableError: upstream down', 'provider_unavailable'],
    ['litellm.InternalServerError: InternalServerError: Connection error.', 'provider_unavailable'],
  ])('%s', (message, code) => {
    expect(exhaustedCode(message)).toBe(code)
  })
})
