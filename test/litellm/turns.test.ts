import { firstValueFrom } from 'rxjs'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import type { OpenCodeServer } from '../../src/index.ts'
import { startScriptedModel, type ScriptedModel } from '../../src/testing/index.ts'
import { collect, kinds, realServer } from '../support/real.ts'
import { startProxy, type Proxy } from './proxy.ts'

const python = inject('liteLLMPython')
const masterKey = 'sk-litellm-test-master-0123456789'
const modelKey = 'sk-litellm-test-model-9876543210'
const call = (name: string, args: Record<string, unknown>) => ({ toolCalls: [{ name, args }] })
const error = (status: number, message: string) => ({ error: { status, message } })
const overflow =
  "This model's maximum context length is 8192 tokens. However, your messages have 9000 tokens."

let server: OpenCodeServer
let model: ScriptedModel
let proxy: Proxy
const cleanups: (() => Promise<void>)[] = []

const start = (port?: number): Promise<Proxy> => {
  const to = { baseURL: model.baseURL, apiKey: modelKey }
  return startProxy({
    python: python ?? '',
    masterKey,
    models: { 'gpt-4o': to, unreachable: { ...to, baseURL: 'http://127.0.0.1:9/v1' } },
    ...(port !== undefined && { port }),
  })
}

/** Returns how often the model got this prompt, without opencode's own requests for titles. */
const timesAsked = (text: string): number =>
  model.requests.filter((request) => request.kind === 'chat' && request.text === text).length

describe.skipIf(python === null)('a turn through the LiteLLM proxy', () => {
  beforeAll(async () => {
    model = await startScriptedModel(
      [
        { match: 'Say hello', reply: { text: ['Hello', ' world'] } },
        {
          match: 'think and run',
          reply: [
            {
              reasoning: ['let me ', 'think'],
              ...call('bash', { command: 'printf hi', description: 'x' }),
              usage: { inputTokens: 10, outputTokens: 5, reasoningTokens: 2 },
            },
            { text: ['all ', 'done'], usage: { inputTokens: 100, outputTokens: 20, cachedTokens: 30 } },
          ],
        },
        { match: 'forbidden', reply: error(401, `Incorrect API key provided: ${masterKey}`) },
        { match: 'broken', reply: error(503, 'upstream down') },
        { match: 'slow down', reply: error(429, 'Rate limit reached') },
        { match: 'nonsense', reply: error(400, 'Unsupported parameter') },
        { match: 'too long', reply: error(400, overflow) },
        { match: 'Continue if you have next steps', reply: { text: 'went on' } },
        { match: 'cut once', reply: [{ text: ['one ', 'two '], cutAfter: 1 }, { text: 'again' }] },
        { match: 'cut always', reply: { text: ['one ', 'two '], cutAfter: 1 } },
        {
          match: 'trickle',
          reply: { text: Array.from({ length: 400 }, (_, i) => `${i} `), chunkDelayMs: 50 },
        },
      ],
      { apiKey: modelKey },
    )
    cleanups.push(() => model.stop())
    proxy = await start()
    cleanups.push(() => proxy.stop())
    const real = await realServer([], {
      proxy: { baseURL: proxy.baseURL, apiKey: masterKey },
      models: ['gpt-4o', 'unreachable', 'ghost'],
      maxRetries: 0,
    })
    server = real.server
    cleanups.push(real.close)
    await server.ensureRunning()
  })

  afterAll(async () => {
    for (const cleanup of cleanups.toReversed()) await cleanup()
  })

  it('streams text, and ends with the whole text', async () => {
    const replies = await collect(server.turn({ text: 'Say hello', traceId: 't1' }))
    expect(replies).toEqual([
      { kind: 'delta', trace_id: 't1', content: 'Hello' },
      { kind: 'delta', trace_id: 't1', content: ' world' },
      {
        kind: 'final',
        trace_id: 't1',
        content: 'Hello world',
        finish_reason: 'stop',
        usage: expect.objectContaining({ input_tokens: 10, output_tokens: 5 }) as unknown,
      },
    ])
    expect(model.requests.at(-1)?.headers.authorization).toBe(`Bearer ${modelKey}`)
  })

  it('gives deltas while the model still streams', async () => {
    const turn = server.turn('trickle')
    await firstValueFrom(turn.replies$)
    turn.cancel()
    expect(await turn.done).toMatchObject({
      code: 'cancelled',
      partial: expect.stringMatching(/^0 /) as string,
    })
  })

  it('gives separate replies for reasoning, a tool call with its input, its result and the text, and counts all tokens', async () => {
    const replies = await collect(server.turn('think and run'))
    expect(replies).toMatchObject([
      { kind: 'reasoning', content: 'let me ' },
      { kind: 'reasoning', content: 'think' },
      { kind: 'tool_call', tool: 'bash', args: { command: 'printf hi', description: 'x' } },
      { kind: 'tool_result', tool: 'bash', result: 'hi', success: true },
      { kind: 'delta', content: 'all ' },
      { kind: 'delta', content: 'done' },
      {
        kind: 'final',
        content: 'all done',
        finish_reason: 'stop',
        usage: { input_tokens: 80, cache_read_tokens: 30, output_tokens: 23, reasoning_tokens: 2 },
      },
    ])
  })

  it('ends with an auth error for a wrong key, without the key, and never reaches the model', async () => {
    const apiKey = 'sk-litellm-test-wrong-5555555555'
    const wrong = await realServer([], { proxy: { baseURL: proxy.baseURL, apiKey } })
    try {
      const replies = await collect(wrong.server.turn('Let me in'))
      expect(replies).toMatchObject([{ kind: 'error', code: 'auth', retryable: false }])
      expect(JSON.stringify(replies)).not.toContain(apiKey)
      expect(timesAsked('Let me in')).toBe(0)
    } finally {
      await wrong.close()
    }
  })

  it('ends with an auth error, without the key, if the model rejects the key of the proxy', async () => {
    const replies = await collect(server.turn('forbidden'))
    expect(replies).toMatchObject([
      {
        kind: 'error',
        code: 'auth',
        retryable: false,
        error: expect.stringContaining('Incorrect API key provided') as string,
      },
    ])
    expect(JSON.stringify(replies)).not.toContain(masterKey)
  })

  it('ends with model_not_found for a model that the proxy does not have', async () => {
    const replies = await collect(server.turn({ text: 'Say hello', model: 'ghost' }))
    expect(replies).toMatchObject([
      {
        kind: 'error',
        code: 'model_not_found',
        retryable: false,
        error: expect.stringContaining('Invalid model name passed in model=ghost') as string,
      },
    ])
  })

  it('ends with rate_limited after a 429 and its retries, and the proxy itself does not retry', async () => {
    const replies = await collect(server.turn({ text: 'slow down', maxRetries: 1 }))
    expect(replies).toMatchObject([{ kind: 'error', code: 'rate_limited', retryable: true }])
    expect(timesAsked('slow down')).toBe(2)
  })

  it('ends with provider_unavailable if the model is down or does not exist', async () => {
    const unavailable = { kind: 'error', code: 'provider_unavailable', retryable: true }
    expect(await collect(server.turn('broken'))).toMatchObject([unavailable])
    expect(timesAsked('broken')).toBe(1)
    const unreachable = server.turn({ text: 'Say hello', model: 'unreachable' })
    expect(await collect(unreachable)).toMatchObject([unavailable])
  })

  it('ends with provider_error for a request that the model rejects', async () => {
    const replies = await collect(server.turn('nonsense'))
    expect(replies).toMatchObject([{ kind: 'error', code: 'provider_error', retryable: false }])
  })

  it('continues after a context overflow by a compaction', async () => {
    expect(await server.turn('too long').done).toMatchObject({ kind: 'final', content: 'went on' })
  })

  it('is retried if the stream of the model breaks', async () => {
    const replies = await collect(server.turn({ text: 'cut once', maxRetries: 1 }))
    expect(kinds(replies)).toEqual(['delta', 'delta', 'final'])
    expect(replies.at(-1)).toMatchObject({ content: 'again' })
    expect(await server.turn('cut always').done).toMatchObject({
      code: 'provider_unavailable',
      retryable: true,
    })
  })

  it('ends with provider_unavailable if the proxy dies or is down, and its session works when the proxy is back', async () => {
    const unavailable = { kind: 'error', code: 'provider_unavailable', retryable: true }
    const session = server.session()
    const interrupted = session.turn('trickle')
    await firstValueFrom(interrupted.replies$)
    await proxy.kill()
    expect(await interrupted.done).toMatchObject(unavailable)
    expect(await collect(session.turn({ text: 'Say hello', maxRetries: 1 }))).toMatchObject([unavailable])
    proxy = await start(proxy.port)
    expect(await session.turn('Say hello').done).toMatchObject({ kind: 'final', content: 'Hello world' })
  })
})
