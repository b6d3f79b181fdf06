import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { exhaustedCode } from '../../../../../src/actors/turn/failure/classify.ts'
import { failureOf, isRetryable, safeLine } from '../../../../../src/actors/turn/reducer/failure.ts'
import type { WireError } from '../../../../../src/io/opencode/wire.ts'
import type { TurnErrorCode } from '../../../../../src/replies.ts'

const wire = (name: string, fields: Partial<WireError> = {}): WireError => ({
  name,
  message: 'what the server says',
  statusCode: undefined,
  isRetryable: undefined,
  ...fields,
})
const api = (statusCode: number | undefined, isRetryable?: boolean, message = 'x') =>
  wire('APIError', { statusCode, isRetryable, message })

describe('failureOf', () => {
  it.each<[string, WireError, TurnErrorCode, boolean]>([
    ['ProviderAuthError', wire('ProviderAuthError'), 'auth', false],
    ['APIError 401', api(401, false), 'auth', false],
    ['APIError 403', api(403, false), 'auth', false],
    [
      'an unknown model',
      wire('UnknownError', { message: 'Model not found: litellm/nope. Did you mean: x?' }),
      'model_not_found',
      false,
    ],
    [
      'the second error for an unknown model, with a stack',
      wire('UnknownError', { message: 'ProviderModelNotFoundError: Model not found: a/b\n    at x' }),
      'model_not_found',
      false,
    ],
    ['ContextOverflowError', wire('ContextOverflowError'), 'context_overflow', false],
    ['ContentFilterError', wire('ContentFilterError'), 'content_filter', false],
    ['MessageOutputLengthError', wire('MessageOutputLengthError'), 'output_length', false],
    ['APIError 429', api(429, true), 'rate_limited', true],
    ['APIError 503 after its retries', api(503, true), 'provider_unavailable', true],
    ['APIError 500', api(500, true), 'provider_unavailable', true],
    ['a network failure', api(undefined, true), 'provider_unavailable', true],
    ['APIError 400', api(400, false), 'provider_error', false],
    ['APIError 404', api(404, false), 'provider_error', false],
    ['APIError 422', api(422, false), 'provider_error', false],
    ['APIError without a status', api(undefined), 'provider_error', false],
    ['MessageAbortedError', wire('MessageAbortedError', { message: 'Aborted' }), 'cancelled', false],
    ['StructuredOutputError', wire('StructuredOutputError'), 'invalid_output', true],
    ['UnknownError', wire('UnknownError'), 'internal', false],
    ['an error of a newer server', wire('BrandNewError'), 'internal', false],
    [
      'a media type that the server refuses',
      wire('UnknownError', { message: "'file part media type audio/x' not supported" }),
      'rejected',
      false,
    ],
  ])('maps %s to its code', (_, error, code, retryable) => {
    expect(failureOf(error)).toMatchObject({ code, retryable })
  })

  it("takes retryable from the server's error", () => {
    expect(failureOf(api(429, false)).retryable).toBe(false)
    expect(failureOf(wire('UnknownError', { isRetryable: true })).retryable).toBe(true)
  })

  it('does not return model_not_found if the message only quotes "Model not found"', () => {
    expect(failureOf(api(400, false, 'Bad key; Model not found is another error')).code).toBe(
      'provider_error',
    )
  })

  it('returns the first line of the message, or the name of an error without a message', () => {
    expect(failureOf(wire('UnknownError', { message: 'one\n    at two' })).error).toBe('one')
    expect(failureOf(wire('UnknownError', { message: ' \n' })).error).toBe('UnknownError')
  })
})

describe('isRetryable', () => {
  it.each<TurnErrorCode>([
    'rate_limited',
    'provider_unavailable',
    'deadline_exceeded',
    'stalled',
    'server_unavailable',
    'server_died',
    'overloaded',
    'invalid_output',
  ])('is true for %s', (code) => expect(isRetryable(code)).toBe(true))

  it.each<TurnErrorCode>([
    'auth',
    'model_not_found',
    'context_overflow',
    'content_filter',
    'output_length',
    'provider_error',
    'cancelled',
    'rejected',
    'session_not_found',
    'internal',
  ])('is false for %s', (code) => expect(isRetryable(code)).toBe(false))
})

describe('exhaustedCode', () => {
  it.each([
    'Rate limit reached for requests',
    'rate_limit_exceeded',
    'Too Many Requests',
    'HTTP 429',
    'You exceeded your current quota',
    'Request was throttled',
  ])('is rate_limited for %j', (message) => expect(exhaustedCode(message)).toBe('rate_limited'))

  it.each(['upstream down', 'Connection reset by server', 'Overloaded', 'error 4290', ''])(
    'is provider_unavailable for %j',
    (message) => expect(exhaustedCode(message)).toBe('provider_unavailable'),
  )
})

describe('safeLine', () => {
  it.each([
    ['one\ntwo', 'one'],
    ['one\r\ntwo', 'one'],
    ['one\u2028two', 'one'],
    ['\n\n  one  \ntwo', 'one'],
    ['', ''],
    ['NotFound: FileSystem.realPath (/srv/agents/x)\n  at y', 'NotFound: FileSystem.realPath (<path>)'],
    ["ENOENT: no such file, open '/home/me/.config/opencode.json'", "ENOENT: no such file, open '<path>'"],
    ['cannot read file:///srv/agents/x.txt', 'cannot read <path>'],
    ['cwd:/srv/agents/x, home=/srv/agents', 'cwd:<path>, home=<path>'],
    ['in </srv/agents/x>', 'in <<path>>'],
    ['{"path":"/srv/agents/x"}', '{"path":"<path>"}'],
    ['/srv/agents/x', '<path>'],
  ])('returns the first line without paths of the host: %j', (message, line) => {
    expect(safeLine(message)).toBe(line)
  })

  it.each([
    'Model not found: litellm/no-such-model. Did you mean: a/b?',
    'Cannot connect to http://127.0.0.1:4000/v1/chat/completions',
    'POST https://api.example.org/v1/messages answered 404',
    'The model `meta/llama-3/70b` does not exist',
    'Use yes/no or 1/2; a / b',
    'Incorrect API key provided: sk-***',
  ])('keeps URLs, model names and other words with slashes: %j', (message) => {
    expect(safeLine(message)).toBe(message)
  })

  it('returns one line of bounded length for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 3_000 }), (message) => {
        const line = safeLine(message)
        expect(line).not.toMatch(/[\r\n\u2028\u2029]/)
        expect(line.length).toBeLessThanOrEqual(1_000)
      }),
    )
    expect(safeLine('x'.repeat(5_000))).toHaveLength(1_000)
  })

  it('handles long lines full of slashes in linear time', () => {
    const started = performance.now()
    safeLine(' /a'.repeat(200_000))
    safeLine('/'.repeat(200_000))
    safeLine('(/a/b'.repeat(100_000))
    expect(performance.now() - started).toBeLessThan(1_000)
  })
})

describe('failureOf with a mask', () => {
  const mask = (text: string) => text.replaceAll('sk-one,/two/three/four', '***')

  it('masks a secret before the line is cut and before paths are replaced', () => {
    for (let at = 970; at < 1000; at++) {
      const message = `${'x'.repeat(at)} sk-one,/two/three/four and more`
      const { error } = failureOf(api(400, false, message), mask)
      expect(error).not.toMatch(/sk-/)
    }
    expect(failureOf(api(400, false, 'got sk-one,/two/three/four'), mask).error).toBe('got ***')
  })
})
