import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { generateText, jsonSchema, Output, streamText } from 'ai'
import OpenAI from 'openai'
import { expect, it } from 'vitest'
import { fakeGateway } from '../support/gateway.ts'

async function served() {
  const made = await fakeGateway()
  await made.fleet.apply([{ id: 'a1' }])
  const baseURL = `${made.url}/openai/v1`
  /** Returns the states and the ends of all turns, the newest first. */
  const ends = async () => {
    const { body } = await made.client.call('GET', '/v1/turns')
    const { items } = body as { items: { state: string; reply: { code?: string } | null }[] }
    return items.map(({ state, reply }) => reply?.code ?? state)
  }
  const sessions = async () => (await made.client.call('GET', '/v1/agents/a1/sessions')).body
  return { ...made, baseURL, token: made.all.token, ends, sessions }
}

const user = (content: string) => ({ role: 'user', content }) as const

it('the official openai package lists agents, asks them, streams, cancels, and gets typed errors', async () => {
  const { baseURL, token, ends, sessions } = await served()
  const openai = new OpenAI({ baseURL, apiKey: token, maxRetries: 0 })
  const ids: string[] = []
  for await (const { id } of openai.models.list()) ids.push(id)
  expect(ids).toEqual(['a1'])
  expect((await openai.models.retrieve('a1')).owned_by).toBe('default')

  const create = openai.chat.completions.create.bind(openai.chat.completions)
  const whole = await create({ model: 'a1', messages: [user('think:why tool:5 echo:done')] })
  expect(whole.choices[0]).toMatchObject({ message: { content: 'done' }, finish_reason: 'stop' })
  expect(whole.choices[0]?.message.tool_calls).toBeUndefined()

  const stream = await create({
    model: 'a1',
    messages: [user('tool:5 every:10 stream:3')],
    stream: true,
    stream_options: { include_usage: true },
  })
  let text = ''
  let total = 0
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? ''
    total = chunk.usage?.total_tokens ?? total
  }
  expect([text, total > 0]).toEqual(['x x x ', true])

  // The helper of the package puts the chunks together itself.
  const helper = openai.chat.completions.stream({ model: 'a1', messages: [user('tool:5 stream:3')] })
  expect(await helper.finalContent()).toBe('x x x ')

  const format = {
    type: 'json_schema',
    json_schema: { name: 'x', schema: { type: 'object', properties: { a: { type: 'integer' } } } },
  } as const
  const parsed = await openai.chat.completions.parse({
    ...{ model: 'a1', messages: [user('output:{"a":1}')] },
    response_format: format,
  })
  expect(JSON.parse(parsed.choices[0]?.message.content ?? '')).toEqual({ a: 1 })

  const named = { headers: { 'X-Session-Id': 'mine' } }
  const { response } = await create({ model: 'a1', messages: [user('echo:hi')] }, named).withResponse()
  expect(response.headers.get('x-session-id')).toMatch(/^ses_/)

  const errorOf = (model: string, content: string, key = token) =>
    new OpenAI({ baseURL, apiKey: key, maxRetries: 0 }).chat.completions
      .create({ model, messages: [user(content)] })
      .catch((error: unknown) => error)
  expect(await errorOf('a1', 'hi', 'wrong')).toBeInstanceOf(OpenAI.AuthenticationError)
  expect(await errorOf('gpt-4o', 'hi')).toMatchObject({ status: 404, code: 'model_not_found' })
  expect(await errorOf('a1', '')).toMatchObject({ status: 400, param: 'messages[0].content' })
  expect(await errorOf('a1', 'fail:429')).toBeInstanceOf(OpenAI.RateLimitError)
  const failing = await create({ model: 'a1', messages: [user('every:30 stream:3 fail:401')], stream: true })
  const failure = await (async () => {
    for await (const chunk of failing) expect(chunk.object).toBe('chat.completion.chunk')
  })().catch((error: unknown) => error)
  expect(failure).toMatchObject({ code: 'auth' })

  const left = await create({ model: 'a1', messages: [user('every:10 stream:3 hang')], stream: true })
  for await (const chunk of left) if (chunk.choices[0]?.delta.content) break
  await expect.poll(async () => (await ends())[0], { timeout: 10_000 }).toBe('cancelled')
  // The named session is the only one that stays.
  await expect.poll(sessions, { timeout: 10_000 }).toMatchObject({ items: [{}] })
})

it('the official openai package tries again by itself only where that may help', async () => {
  const { baseURL, token, ends } = await served()
  const openai = new OpenAI({ baseURL, apiKey: token, maxRetries: 1 })
  const messages = [user('tool:1 fail:429')]
  await openai.chat.completions.create({ model: 'a1', messages }).catch(() => undefined)
  expect(await ends()).toEqual(['rate_limited'])
})

it('the OpenAI-compatible provider of the AI SDK asks an agent, with its reasoning, its text, and JSON', async () => {
  const { baseURL, token, ends } = await served()
  const provider = createOpenAICompatible({
    ...{ name: 'opencode', baseURL, apiKey: token },
    ...{ includeUsage: true, supportsStructuredOutputs: true },
  })
  const model = provider('a1')
  const whole = await generateText({ model, prompt: 'think:why tool:5 echo:done', maxRetries: 0 })
  expect([whole.text, whole.reasoningText, whole.finishReason]).toEqual(['done', 'why', 'stop'])
  expect(whole.usage.totalTokens).toBeGreaterThan(0)

  const streamed = streamText({ model, prompt: 'think:why tool:5 every:10 stream:3', maxRetries: 0 })
  let text = ''
  for await (const piece of streamed.textStream) text += piece
  expect([text, await streamed.reasoningText, await streamed.finishReason]).toEqual(['x x x ', 'why', 'stop'])
  expect((await streamed.usage).totalTokens).toBeGreaterThan(0)
  expect(await streamed.toolCalls).toEqual([])

  const schema = jsonSchema<{ a: number }>({
    ...{ type: 'object', properties: { a: { type: 'integer' } }, required: ['a'] },
    additionalProperties: false,
  })
  const typed = await generateText({ model, prompt: 'output:{"a":7}', output: Output.object({ schema }) })
  expect(typed.output).toEqual({ a: 7 })

  const wrong = generateText({ model: provider('nobody'), prompt: 'hi', maxRetries: 0 })
  await expect(wrong).rejects.toMatchObject({ statusCode: 404 })
  const leaving = new AbortController()
  const left = streamText({ model, prompt: 'every:10 stream:3 hang', abortSignal: leaving.signal })
  for await (const piece of left.textStream) if (piece !== '') leaving.abort()
  await expect.poll(async () => (await ends())[0], { timeout: 10_000 }).toBe('cancelled')
})
