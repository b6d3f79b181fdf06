import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { codeOf, exhaustedCode, terminalCodeOf } from '../../../../../src/actors/turn/failure/classify.ts'
import { errorCodes } from '../../../../../src/actors/turn/failure/codes.ts'
import { unwrap, withoutPrefix } from '../../../../../src/actors/turn/failure/unwrap.ts'
import { rateLimitedRetry, wordings } from '../../../../../src/actors/turn/failure/wordings/table.ts'
import { failureOf } from '../../../../../src/actors/turn/reducer/failure.ts'
import type { WireError } from '../../../../../src/io/opencode/wire.ts'
import { bodies, messageIn, reported } from './bodies.ts'
import { wrappers } from './wrappers.ts'

const api = (message: string, statusCode?: number, isRetryable = false): WireError => ({
  name: 'APIError',
  message,
  statusCode,
  isRetryable,
})
const unknown = (message: string): WireError => ({
  name: 'UnknownError',
  message,
  statusCode: undefined,
  isRetryable: undefined,
})
const names = bodies.map((body) => [`${body.provider}: ${messageIn(body).slice(0, 60)}`, body] as const)

describe('codeOf, for the response of a provider', () => {
  it.each(names)('returns the code of the table: %s', (_name, body) => {
    expect(codeOf(reported(body))).toBe(body.code)
  })

  it.each(names)('returns the same code without the body of the response: %s', (_name, body) => {
    const { body: _, ...error } = reported({ ...body, body: { error: { message: messageIn(body) } } })
    const isHidden = messageIn(body) === 'Provider returned error'
    expect(codeOf(error)).toBe(isHidden ? 'provider_error' : body.code)
  })

  it.each(names)('ends a turn at once, or names the limit, from a retry notice: %s', (_name, body) => {
    const message = messageIn(body)
    const needsStatus = /^No connected db|^Provider returned error/.test(message)
    const isTerminal = body.code !== 'rate_limited' && !needsStatus
    expect(terminalCodeOf(message)).toBe(isTerminal ? body.code : undefined)
    if (!needsStatus) expect(exhaustedCode(message)).toBe(body.code)
  })
})

describe('codeOf, for a message in wrappers', () => {
  const sayings = bodies.filter((body) => !/^Provider returned/.test(messageIn(body)))

  it('returns the code of the message, whatever wraps it', () => {
    const forms = fc.array(fc.constantFrom(...Object.keys(wrappers)), { minLength: 1, maxLength: 3 })
    fc.assert(
      fc.property(fc.constantFrom(...sayings), forms, (body, kinds) => {
        const message = kinds.reduce((text, kind) => wrappers[kind]?.(text) ?? text, messageIn(body))
        expect(codeOf(api(message, 400))).toBe(body.code)
        if (!messageIn(body).startsWith('No connected db')) expect(codeOf(unknown(message))).toBe(body.code)
      }),
      { numRuns: 500 },
    )
  })

  it('never throws, and answers soon, for any text', () => {
    const part = fc.constantFrom(
      '{',
      '[',
      '"',
      "'",
      '\\',
      ':',
      ',',
      '}',
      ']',
      'error',
      'message',
      ' - ',
      '\n',
      '1',
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 200 }), (parts) => {
        expect(codeOf(unknown(parts.join('')))).toMatch(/^\w+$/)
      }),
    )
    const started = performance.now()
    for (const text of ['{"a":', '[', "{'", 'data: ', 'a.', 'Error: ', '\\n', ' '])
      codeOf(unknown(text.repeat(200_000)))
    expect(performance.now() - started).toBeLessThan(2_000)
  })
})

describe('the tables', () => {
  it.each(wordings.map((row) => [`${row.provider}: ${String(row.pattern)}`, row] as const))(
    'have a body for %s',
    (_name, { pattern, code, provider }) => {
      const matches = bodies.filter((body) =>
        unwrap(JSON.stringify(body.body)).messages.some(
          (text) => pattern.test(text) || pattern.test(withoutPrefix(text)),
        ),
      )
      if (['a TLS proxy', 'no answer'].includes(provider)) expect(matches).toEqual([])
      else {
        expect(matches).not.toEqual([])
        expect(new Set(matches.map((body) => body.code))).toEqual(new Set([code]))
      }
    },
  )

  it.each(errorCodes.flatMap(({ code, values }) => values.map((value) => [value, code] as const)))(
    'decide by the code %s of an error whose words say nothing',
    (value, code) => {
      const message = 'It did not work.'
      const error = /Error$|Timeout$/.test(value)
        ? unknown(`litellm.${value}: XException - ${message}`)
        : unknown(JSON.stringify({ message, type: value, code: null }))
      expect(codeOf(error)).toBe(code)
    },
  )

  it('name a source in every row', () => {
    for (const { source, provider } of [...wordings, ...errorCodes, ...rateLimitedRetry]) {
      expect(source).toMatch(
        /^(?:https:\/\/|[\w.-]+\/[\w.-]+(?:#\d+|: )|test\/|recorded: |seen in |a trial )/,
      )
      expect(provider).not.toBe('')
    }
  })
})

describe('codeOf, from the most certain sign to the least', () => {
  it('returns auth for 401 and 403, and rate_limited for 429, whatever the words are', () => {
    const words = "This model's maximum context length is 4096 tokens"
    expect(codeOf(api(words, 401))).toBe('auth')
    expect(codeOf(api(words, 403))).toBe('auth')
    expect(codeOf(api(words, 429, true))).toBe('rate_limited')
  })

  it('returns auth for a wrong key whose text has the digits of a 503, and does not call it retryable', () => {
    const error = { ...api('Incorrect API key provided: sk-503', undefined), isRetryable: true }
    expect(failureOf(error)).toMatchObject({ code: 'auth', retryable: false })
    expect(terminalCodeOf('Incorrect API key provided: sk-503')).toBe('auth')
  })

  it("takes an error's own code before its words, and its words before its class", () => {
    const error = (type: string, message: string) => unknown(JSON.stringify({ error: { message, type } }))
    expect(codeOf(error('rate_limit_error', 'prompt is too long: 9 tokens'))).toBe('rate_limited')
    expect(codeOf(error('api_error', 'model "x" not found, try pulling it first'))).toBe('model_not_found')
    expect(codeOf(error('api_error', 'Internal server error'))).toBe('provider_unavailable')
  })

  it('takes the status inside an error that came in a stream', () => {
    const inner = (code: number | string) => unknown(JSON.stringify({ message: 'no', type: null, code }))
    expect(codeOf(inner('401'))).toBe('auth')
    expect(codeOf(inner(429))).toBe('rate_limited')
    expect(codeOf(inner(502))).toBe('provider_unavailable')
    expect(codeOf(inner(422))).toBe('provider_error')
    expect(codeOf(unknown('{"message":"no"}'))).toBe('provider_error')
  })

  it('returns rate_limited as retryable if the server did not say', () => {
    expect(failureOf(unknown('{"message":"no","code":429}'))).toMatchObject({ retryable: true })
  })
})

describe('codeOf, for a connection that fails', () => {
  it.each([
    'self signed certificate',
    'self-signed certificate in certificate chain',
    'SELF_SIGNED_CERT_IN_CHAIN',
    'unable to verify the first certificate',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'unable to get local issuer certificate',
    'certificate has expired',
  ])('returns provider_error for %j', (message) => {
    expect(failureOf(unknown(message))).toMatchObject({ code: 'provider_error', retryable: false })
  })

  it.each([
    'Unable to connect. Is the computer able to access the url?',
    'Cannot connect to API: connect ECONNREFUSED 127.0.0.1:4000',
    'getaddrinfo ENOTFOUND proxy.local',
  ])('returns provider_unavailable for %j', (message) => {
    expect(failureOf(unknown(message))).toMatchObject({ code: 'provider_unavailable', retryable: true })
    expect(terminalCodeOf(message)).toBeUndefined()
  })
})

describe('codeOf, for words that only look like a known failure', () => {
  const ordinary = [
    "Unknown parameter: 'context'.",
    "Invalid 'user': string too long. Expected a string with maximum length 64, but got a string with length 70 instead.",
    'The maximum tokens you requested exceeds the model limit of 4096. Try again with a maximum tokens value that is lower than 4096.',
    'max_tokens (10000) cannot exceed 8192. Please reduce the length of max output tokens generated.',
    "Invalid value: 'quota'. Supported values are: 'text' and 'image_url'.",
    "Unsupported value: 'filter' in content_filter_offsets",
    'No endpoints found that support tool use.',
    'Failed to load model "gpt-oss-20b". Error: Error loading model.',
    'Request req_429503401 has a bad tool schema',
    'The key `context` of the tool `model` is not found in the schema',
    'model: required',
    'tools.42903.function.name: string does not match pattern',
    'messages.503.content.429: unexpected `tool_use_id`',
    'Invalid request: {"role":"user","message":"prompt is too long, is it?"}',
  ]

  it.each(ordinary)('returns provider_error for a 400 with %j', (message) => {
    expect(codeOf(api(message, 400))).toBe('provider_error')
    expect(codeOf(unknown(message))).toBe('internal')
  })

  it.each([
    ...ordinary,
    'Rate limit reached',
    'Provider is overloaded',
    'Too Many Requests',
    'Connection reset by server',
    '{"message":"upstream exploded","type":"server_error","code":500}',
    'Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 40000. The input or output tokens must be reduced in order to run successfully.',
  ])('does not end a turn for a retry notice %j', (message) => {
    expect(terminalCodeOf(message)).toBeUndefined()
  })
})

describe('exhaustedCode', () => {
  it.each([
    ['Provider returned error', 'rate_limited'],
    ['{"message":"slow down","type":"rate_limit_error"}', 'rate_limited'],
    ['Provider is overloaded', 'provider_unavailable'],
    ['request 4290 failed', 'provider_unavailable'],
    ['self signed certificate', 'provider_error'],
  ])('maps %j to %s', (message, code) => expect(exhaustedCode(message)).toBe(code))
})
