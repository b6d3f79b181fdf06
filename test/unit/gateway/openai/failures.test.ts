import { describe, expect, it } from 'vitest'
import { InvalidOptionsError } from '../../../../src/errors.ts'
import { ProblemError } from '../../../../src/gateway/http/problem.ts'
import { asProblem } from '../../../../src/gateway/http/problems.ts'
import { endingOf } from '../../../../src/gateway/openai/ending.ts'
import { errorBody, openAiFailures } from '../../../../src/gateway/openai/failures.ts'
import { chatError } from '../../../../src/gateway/openai/schemas/answer.ts'
import { turnFailure } from '../../../../src/gateway/openai/turn-failure.ts'
import { chatUsage } from '../../../../src/gateway/openai/usage.ts'
import { noUsage, type ErrorReply, type TurnErrorCode } from '../../../../src/replies.ts'

const reply = (code: TurnErrorCode, more: Partial<ErrorReply> = {}): ErrorReply => ({
  ...{ kind: 'error', trace_id: null, error: 'It failed', code, retryable: false },
  ...more,
})

const all = [
  ['auth', 502],
  ['rate_limited', 429],
  ['provider_error', 502],
  ['provider_unavailable', 503],
  ['model_not_found', 502],
  ['context_overflow', 400],
  ['content_filter', 400],
  ['output_length', 502],
  ['cancelled', 409],
  ['deadline_exceeded', 504],
  ['stalled', 504],
  ['server_unavailable', 503],
  ['server_died', 503],
  ['session_not_found', 404],
  ['rejected', 400],
  ['overloaded', 429],
  ['invalid_output', 502],
  ['internal', 500],
] as const

describe('turnFailure', () => {
  it.each(all)('tells a turn that failed with %s as %i, in the shape of OpenAI', async (code, status) => {
    const answer = openAiFailures.answer(turnFailure(reply(code)))
    expect([answer.status, answer.headers.get('content-type')]).toEqual([status, 'application/json'])
    const body: unknown = await answer.json()
    expect(chatError().parse(body)).toEqual(body)
  })

  it('lets an SDK try again only where that may help, and no tool was called', () => {
    const headersOf = (retryable: boolean, hasCalledTool: boolean) =>
      turnFailure(reply('rate_limited', { retryable }), hasCalledTool).headers
    expect(headersOf(true, false)).toEqual({ 'x-should-retry': 'true', 'retry-after': '5' })
    expect(headersOf(true, true)).toEqual({ 'x-should-retry': 'false' })
    expect(headersOf(false, false)).toEqual({ 'x-should-retry': 'false' })
  })

  it('keeps the wait that a full queue tells', () => {
    const error = 'Too many turns wait: try again in about 7 s'
    expect(turnFailure(reply('overloaded', { error, retryable: true })).headers).toEqual({
      'retry-after': '7',
    })
  })
})

describe('errorBody', () => {
  it.each([
    ['Field `messages` is required: expected a list', 'messages', 'missing_required_parameter'],
    ['Invalid field attachments[0].data: expected base64', 'messages', 'invalid_value'],
    ['Invalid field output: expected a schema', 'response_format', 'invalid_value'],
    ['Invalid field X-Session-Id: expected less', 'X-Session-Id', 'invalid_value'],
    ['Invalid fields: expected an object', null, 'invalid_value'],
  ])('names the field and the code of %j', (message, param, code) => {
    expect(errorBody(asProblem(new InvalidOptionsError(message))).error).toEqual({
      ...{ message, param, code },
      type: 'invalid_request_error',
    })
  })

  it('has a type for each range of status codes', () => {
    const typeOf = (status: number) =>
      errorBody(new ProblemError({ status, code: 'x', detail: 'y' })).error.type
    expect([401, 404, 429, 500, 503].map(typeOf)).toEqual([
      'invalid_request_error',
      'invalid_request_error',
      'rate_limit_error',
      'server_error',
      'server_error',
    ])
  })
})

describe('endingOf', () => {
  const final = (finish_reason: string | null) =>
    ({ kind: 'final', trace_id: null, content: 'text', finish_reason, usage: noUsage() }) as const

  it('tells the reason of the end, never tool calls', () => {
    const reasons = ['stop', 'length', 'tool-calls', null].map(
      (reason) => endingOf(final(reason), false).finish,
    )
    expect(reasons).toEqual(['stop', 'length', 'stop', 'stop'])
  })

  it('takes an answer that was cut at the limit of the model as an answer; without a text it is a failure', () => {
    expect(endingOf(reply('output_length', { partial: 'te' }), false)).toEqual({
      text: 'te',
      finish: 'length',
    })
    expect(() => endingOf(reply('output_length'), false)).toThrow(ProblemError)
  })
})

describe('chatUsage', () => {
  it('counts the cache as input, and reasoning as output', () => {
    const tokens = { input_tokens: 1, cache_read_tokens: 20, cache_write_tokens: 300 }
    expect(chatUsage({ ...noUsage(), ...tokens, output_tokens: 4_000, reasoning_tokens: 50_000 })).toEqual({
      prompt_tokens: 321,
      completion_tokens: 54_000,
      total_tokens: 54_321,
      prompt_tokens_details: { cached_tokens: 20 },
      completion_tokens_details: { reasoning_tokens: 50_000 },
    })
  })
})
