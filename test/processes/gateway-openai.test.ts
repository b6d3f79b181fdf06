import { describe, expect, it } from 'vitest'
import { changeTokens } from '../../src/gateway/access/token-file.ts'
import { fakeGateway, testToken } from '../support/gateway.ts'
import { openChunks, textOfChunks } from '../support/chat-chunks.ts'
import { tokenFor } from '../support/tokens.ts'

const path = '/openai/v1/chat/completions'
const user = (content: unknown) => ({ role: 'user', content })
const chat = (content: unknown, more: object = {}) => ({ model: 'a1', messages: [user(content)], ...more })

/** Serves two agents, of which the first one takes images. */
async function served(options: Parameters<typeof fakeGateway>[0] = {}) {
  const made = await fakeGateway(options)
  const models = [{ id: 'gpt-4o', input: ['text', 'image', 'pdf', 'audio'] as const }]
  await made.fleet.apply([
    { id: 'a1', models: models.map(({ input, ...model }) => ({ ...model, input: [...input] })) },
    { id: 'a2', tenant: 'other' },
  ])
  const ask = (body: object, headers: Record<string, string> = {}) =>
    made.client.call('POST', path, body, headers)
  const stream = (body: object, headers: Record<string, string> = {}) =>
    openChunks({
      ...{ url: `${made.url}${path}`, token: made.all.token, headers },
      body: { ...body, stream: true },
    })
  const sessions = async (agent = 'a1') => {
    const { body } = await made.client.call('GET', `/v1/agents/${agent}/sessions`)
    return (body as { items: { id: string; title: string }[] }).items
  }
  /** Texts of the prompts that opencode got, in order. */
  const prompts = () =>
    made.fake.requests
      .filter(({ url }) => /\/prompt_async/.test(url))
      .map(({ url, body }) => {
        const { parts, system } = body as { parts: { type: string; text?: string }[]; system?: string }
        return { session: /ses_\w+/.exec(url)?.[0], text: parts[0]?.text, system, files: parts.slice(1) }
      })
  return { ...made, ask, stream, sessions, prompts }
}

describe('the models of a gateway', () => {
  it('are the agents that the token may see', async () => {
    const { record, token } = testToken(['turn'], { tenant: 'other' })
    const { client } = await served({ gateway: { tokens: [record] } })
    const list = await client.call('GET', '/openai/v1/models')
    expect(list).toMatchObject({
      status: 200,
      body: {
        object: 'list',
        data: [
          { id: 'a1', object: 'model' },
          { id: 'a2', owned_by: 'other' },
        ],
      },
    })
    const limited = client.as(token)
    expect((await limited.call('GET', '/openai/v1/models')).body).toMatchObject({ data: [{ id: 'a2' }] })
    expect((await limited.call('GET', '/openai/v1/models/a2')).body).toMatchObject({ id: 'a2' })
    expect(await limited.call('GET', '/openai/v1/models/a1')).toMatchObject({
      status: 404,
      body: { error: { code: 'model_not_found', type: 'invalid_request_error' } },
    })
  })
})

describe('a chat completion', () => {
  it('has the text, the reasoning, the tools and the true usage of its turn', async () => {
    const { ask, client } = await served()
    const { status, body, headers } = await ask(chat('think:why tool:5 echo:done'))
    const turnId = headers.get('turn-id') ?? ''
    const turn = (await client.call('GET', `/v1/turns/${turnId}`)).body as {
      session_id: string
      usage: Record<string, number>
    }
    const { input_tokens = 0, output_tokens = 0, reasoning_tokens = 0, cache_read_tokens = 0 } = turn.usage
    expect({ status, body }).toMatchObject({
      status: 200,
      body: {
        id: `chatcmpl-${turnId}`,
        object: 'chat.completion',
        model: 'a1',
        choices: [
          {
            index: 0,
            message: { role: 'assistant', content: 'done', reasoning_content: 'why' },
            finish_reason: 'stop',
          },
        ],
        usage: {
          prompt_tokens: input_tokens + cache_read_tokens,
          completion_tokens: output_tokens + reasoning_tokens,
          total_tokens: input_tokens + cache_read_tokens + output_tokens + reasoning_tokens,
        },
        x_opencode: {
          turn_id: turnId,
          session_id: turn.session_id,
          tools: [{ tool: 'bash', args: { command: 'echo hi' }, result: 'hi\n', success: true }],
        },
      },
    })
    expect(input_tokens).toBeGreaterThan(0)
    expect(headers.get('x-session-id')).toBe(turn.session_id)
  })

  it('comes in chunks as the turn goes on: role, reasoning, tools, text, reason of the end, and [DONE]', async () => {
    const { stream } = await served()
    const reader = await stream(chat('think:why tool:5 every:20 stream:4'))
    expect(reader.response.headers.get('content-type')).toBe('text/event-stream')
    const chunks = await reader.rest()
    expect(chunks.at(-1)).toBe('[DONE]')
    expect(textOfChunks(chunks)).toBe('x x x x ')
    const [first, ...rest] = chunks
    expect(first).toMatchObject({
      object: 'chat.completion.chunk',
      choices: [{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }],
      x_opencode: { session_id: reader.response.headers.get('x-session-id') },
    })
    expect(rest).toContainEqual(
      expect.objectContaining({
        choices: [expect.objectContaining({ delta: { reasoning_content: 'why' } })],
      }),
    )
    const tools = rest.filter((chunk) => typeof chunk === 'object' && 'kind' in (chunk.x_opencode ?? {}))
    expect(tools).toMatchObject([
      { choices: [{ delta: {} }], x_opencode: { kind: 'tool_call', tool: 'bash' } },
      { choices: [{ delta: {} }], x_opencode: { kind: 'tool_result', success: true, result: 'hi\n' } },
    ])
    expect(JSON.stringify(chunks)).not.toContain('tool_calls')
    expect(chunks.at(-2)).toMatchObject({
      choices: [{ delta: {}, finish_reason: 'stop' }],
      usage: { prompt_tokens: expect.any(Number) as number },
    })
    const body = chat('echo:hi', { stream_options: { include_usage: true } })
    const more = await (await stream(body)).rest()
    expect(more.slice(-3)).toMatchObject([
      { choices: [{ finish_reason: 'stop' }], usage: null },
      { choices: [], usage: { total_tokens: expect.any(Number) as number } },
      '[DONE]',
    ])
  })

  it('is JSON that fits the schema of response_format', async () => {
    const { ask, stream } = await served()
    const schema = { type: 'object', properties: { answer: { type: 'string' } }, required: ['answer'] }
    const json_schema = { name: 'x', strict: true, schema }
    const formatted = { response_format: { type: 'json_schema', json_schema } }
    const { body } = await ask(chat('output:{"answer":"42"}', formatted))
    const { choices } = body as { choices: { message: { content: string } }[] }
    expect(JSON.parse(choices[0]?.message.content ?? '')).toEqual({ answer: '42' })
    const chunks = await (await stream(chat('output:{"answer":"42"}', formatted))).rest()
    expect(JSON.parse(textOfChunks(chunks))).toEqual({ answer: '42' })
    const wrong = {
      response_format: { type: 'json_schema', json_schema: { name: 'x', schema: { type: 'string' } } },
    }
    expect(await ask(chat('hi', wrong))).toMatchObject({
      status: 400,
      body: { error: { param: 'response_format', code: 'invalid_value' } },
    })
    const { text } = await ask(chat('output:{"a":1}', { response_format: { type: 'json_object' } }))
    expect(text).toContain('{\\"a\\":1}')
  })

  it('takes fields without effect, with null too, and messages of the system', async () => {
    const { ask, prompts } = await served()
    const ignored = { temperature: 0, top_p: 1, max_tokens: 1, user: 'u', seed: 7, stop: null, unknown: {} }
    const nulls = { n: 1, tools: [], tool_choice: 'none', stream: null, response_format: null }
    const messages = [
      { role: 'system', content: 'Be brief.' },
      { role: 'developer', content: [{ type: 'text', text: 'Be kind.' }] },
      user('echo:hi'),
    ]
    const { status, text } = await ask({ model: 'a1', messages, ...ignored, ...nulls })
    expect([status, text.includes('"content":"hi"')]).toEqual([200, true])
    expect(prompts()).toMatchObject([{ text: 'echo:hi', system: 'Be brief.\n\nBe kind.' }])
  })

  it('sends images, files and sound of the messages to the model', async () => {
    const { ask, prompts } = await served()
    const data = Buffer.from('data').toString('base64')
    const content = [
      { type: 'text', text: 'Look' },
      { type: 'image_url', image_url: { url: `data:image/png;base64,${data}`, detail: 'low' } },
      { type: 'file', file: { filename: 'a.pdf', file_data: `data:application/pdf;base64,${data}` } },
      { type: 'input_audio', input_audio: { data, format: 'wav' } },
    ]
    expect((await ask(chat(content))).status).toBe(200)
    expect(prompts()).toMatchObject([
      {
        text: 'Look',
        files: [
          { mime: 'image/png', url: `data:image/png;base64,${data}` },
          { mime: 'application/pdf', filename: 'a.pdf' },
          { mime: 'audio/wav' },
        ],
      },
    ])
  })

  it('is refused for what an agent cannot do, with the field and a code', async () => {
    const { ask, fleet } = await served()
    const image = (url: string) => chat([{ type: 'image_url', image_url: { url } }])
    const tool = { type: 'function', function: { name: 'x' } }
    const wrong = [
      [{ model: 'a1' }, 400, 'messages', 'missing_required_parameter'],
      [{ messages: [user('hi')] }, 400, 'model', 'missing_required_parameter'],
      [{ model: 'a1', messages: [] }, 400, 'messages', 'empty_array'],
      [chat(''), 400, 'messages[0].content', 'invalid_value'],
      [chat(7), 400, 'messages[0].content', 'invalid_value'],
      [chat([{ type: 'video' }]), 400, 'messages[0].content[0].type', 'invalid_value'],
      [
        { model: 'a1', messages: [user('hi'), { role: 'assistant', content: 'ho' }] },
        400,
        'messages[1].role',
        'invalid_value',
      ],
      [{ model: 'a1', messages: [{ role: 'system', content: 'hi' }] }, 400, 'messages', 'invalid_value'],
      [
        { model: 'a1', messages: [{ role: 'judge', content: 'hi' }] },
        400,
        'messages[0].role',
        'invalid_value',
      ],
      [image('https://example.com/a.png'), 400, 'messages[0].content[0].image_url.url', 'invalid_image_url'],
      [image('data:image/png;base64,%%'), 400, 'messages[0].content[0].image_url.url', 'invalid_image_url'],
      [
        chat([{ type: 'file', file: { file_id: 'f' } }]),
        400,
        'messages[0].content[0].file.file_id',
        'unsupported_value',
      ],
      [chat('hi', { n: 2 }), 400, 'n', 'unsupported_value'],
      [chat('hi', { tools: [tool] }), 400, 'tools', 'unsupported_parameter'],
      [chat('hi', { functions: [{}] }), 400, 'functions', 'unsupported_parameter'],
      [chat('hi', { tool_choice: 'required' }), 400, 'tool_choice', 'unsupported_value'],
      [chat('hi', { stream: 'yes' }), 400, 'stream', 'invalid_value'],
      [chat('hi', { model: 'gpt-4o' }), 404, null, 'model_not_found'],
    ] as const
    for (const [body, status, param, code] of wrong)
      expect
        .soft([body, await ask(body)])
        .toMatchObject([body, { status, body: { error: { type: 'invalid_request_error', param, code } } }])
    // The second request finds the server running, and is refused at once.
    const content = [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }]
    const first = await ask({ model: 'a2', messages: [user(content)] })
    const again = await ask({ model: 'a2', messages: [user(content)] })
    for (const answer of [first, again]) {
      expect(answer).toMatchObject({
        status: 400,
        body: { error: { param: 'messages', code: 'invalid_value' } },
      })
      expect(answer.text).toContain("input: ['text', 'image']")
    }
    expect(fleet.status.turns).toMatchObject({ running: 0, queued: 0 })
  })

  it('that fails has the status and the code of its failure, and says if another try may help', async () => {
    const { ask, stream, sessions } = await served()
    for (const answer of [await ask(chat('fail:401')), await ask(chat('fail:401', { stream: true }))])
      expect([answer.status, answer.body, answer.headers.get('x-should-retry')]).toMatchObject([
        502,
        { error: { code: 'auth', type: 'server_error' } },
        'false',
      ])
    const limited = await ask(chat('fail:429'))
    expect(limited).toMatchObject({
      status: 429,
      body: { error: { code: 'rate_limit_exceeded', type: 'rate_limit_error' } },
    })
    expect(Number(limited.headers.get('retry-after'))).toBeGreaterThan(0)
    const afterTool = await ask(chat('tool:1 fail:429'))
    expect([afterTool.status, afterTool.headers.get('x-should-retry')]).toEqual([429, 'false'])
    // A stream that has begun ends with the error, without [DONE].
    const chunks = await (await stream(chat('every:30 stream:3 fail:401'))).rest()
    expect(textOfChunks(chunks)).toBe('x x x ')
    expect(chunks.at(-1)).toMatchObject({ error: { code: 'auth', type: 'server_error' } })
    expect(await ask(chat('fail:ContextOverflowError'))).toMatchObject({
      status: 400,
      body: { error: { code: 'context_length_exceeded', param: 'messages' } },
    })
    expect(await sessions()).toEqual([])
  })

  it('is refused at once with Retry-After where the queue is full, and with 503 while the gateway ends', async () => {
    const limits = { maxRunningTurns: 1, maxQueuedTurns: 0 }
    const { ask, client, gateway } = await served({ fleet: { limits } })
    await client.call('POST', '/v1/agents/a1/turns', { text: 'hang' })
    const isRunning = async () =>
      (await client.call('GET', '/v1/turns?state=running')).text.includes('running')
    await expect.poll(isRunning, { timeout: 10_000 }).toBe(true)
    const refused = await ask(chat('echo:hi'))
    expect(refused.body).toMatchObject({ error: { type: 'rate_limit_error', code: 'rate_limit_exceeded' } })
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    const closing = gateway.close()
    expect(await ask(chat('echo:hi'))).toMatchObject({
      status: 503,
      body: { error: { type: 'server_error' } },
    })
    await closing
    expect(await ask(chat('echo:hi'))).toMatchObject({
      status: 503,
      body: { error: { type: 'server_error' } },
    })
  })

  it('is cancelled when its client closes the connection, streamed or not', async () => {
    const { stream, client, url, all } = await served()
    const ended = async () => {
      const { body } = await client.call('GET', '/v1/turns')
      return (body as { items: { reply: object | null }[] }).items.map(({ reply }) => reply)
    }
    const streamed = await stream(chat('echo:hi'))
    await streamed.rest()
    const hanging = await stream(chat('every:10 stream:3 hang'))
    await hanging.next()
    hanging.leave()
    const whole = new AbortController()
    const headers = { authorization: `Bearer ${all.token}`, 'content-type': 'application/json' }
    const body = JSON.stringify(chat('hang'))
    const answer = fetch(`${url}${path}`, { method: 'POST', headers, body, signal: whole.signal })
    answer.catch(() => undefined)
    await expect.poll(async () => (await ended()).length, { timeout: 10_000 }).toBe(3)
    whole.abort()
    await expect
      .poll(ended, { timeout: 10_000 })
      .toMatchObject([{ code: 'cancelled' }, { code: 'cancelled' }, { kind: 'final', content: 'hi' }])
  })

  it('of a token that is revoked ends with 401, streamed or not, and its turn is cancelled', async () => {
    const { client, url, dataDir } = await served()
    const reader = tokenFor()
    await changeTokens(dataDir, () => [reader.record])
    const given = { url: `${url}${path}`, token: reader.token }
    const hanging = await openChunks({ ...given, body: chat('every:10 stream:3 hang', { stream: true }) })
    await hanging.next()
    const whole = client.as(reader.token).call('POST', path, chat('hang'))
    const turns = async () => {
      const { body } = await client.call('GET', '/v1/turns')
      return (body as { items: { state: string; reply: object | null }[] }).items
    }
    await expect.poll(turns, { timeout: 10_000 }).toMatchObject([{ state: 'running' }, { state: 'running' }])
    await changeTokens(dataDir, () => [])
    const error = { type: 'invalid_request_error', code: 'invalid_api_key' }
    expect(await whole).toMatchObject({ status: 401, body: { error } })
    expect((await hanging.rest()).at(-1)).toMatchObject({ error })
    await expect
      .poll(turns, { timeout: 10_000 })
      .toMatchObject([{ reply: { code: 'cancelled' } }, { reply: { code: 'cancelled' } }])
  })

  it('with an Idempotency-Key is one turn, whose answer comes again', async () => {
    const { ask, prompts } = await served()
    const key = { 'idempotency-key': 'k1' }
    const [first, second] = await Promise.all([ask(chat('echo:hi'), key), ask(chat('echo:hi'), key)])
    expect(second.body).toEqual(first.body)
    expect((await ask(chat('echo:hi'), key)).body).toEqual(first.body)
    expect(prompts()).toHaveLength(1)
    expect(await ask(chat('echo:ho'), key)).toMatchObject({ status: 422, body: { error: { param: null } } })
    expect(await ask(chat('echo:hi'), { ...key, 'x-session-id': 'other' })).toMatchObject({ status: 422 })
  })
})

describe('the session of a chat completion', () => {
  it('is deleted with the end of the answer, and gets the earlier messages as a transcript', async () => {
    const { ask, stream, sessions, prompts } = await served()
    const messages = [
      user('My name is Ada.'),
      { role: 'assistant', content: 'Hello Ada.' },
      user('Who am I?'),
    ]
    const { headers } = await ask({ model: 'a1', messages })
    expect(await sessions()).toEqual([])
    const reader = await stream({ model: 'a1', messages })
    await reader.rest()
    expect(await sessions()).toEqual([])
    const [first, second] = prompts()
    expect(first?.session).toBe(headers.get('x-session-id'))
    expect(second?.session).not.toBe(first?.session)
    expect(first?.text).toMatch(
      /<user>\nMy name is Ada\.\n<\/user>\n<assistant>\nHello Ada\.\n<\/assistant>[^]*Who am I\?$/,
    )
  })

  it('is deleted also if the client goes, the turn is refused, or the server dies', async () => {
    const { ask, stream, sessions, client } = await served({
      fleet: { faults: [{ crashAfterMs: 1_500 }, {}] },
    })
    const hanging = await stream(chat('every:10 stream:3 hang'))
    hanging.leave()
    const early = await ask(chat('hang'))
    expect(early).toMatchObject({ status: 503, body: { error: { code: 'server_died' } } })
    await expect.poll(sessions, { timeout: 15_000 }).toEqual([])
    const list = await client.call('GET', '/v1/turns')
    expect((list.body as { items: unknown[] }).items).toHaveLength(2)
  })

  it('is deleted also if the client goes while the session is being created', async () => {
    const { fleet, url, all, sessions, client } = await served()
    const leaving = new AbortController()
    fleet.events$.subscribe(({ type }) => {
      if (type === 'turn.started') leaving.abort()
    })
    const headers = { authorization: `Bearer ${all.token}`, 'content-type': 'application/json' }
    const body = JSON.stringify(chat('hang'))
    const answer = fetch(`${url}${path}`, { method: 'POST', headers, body, signal: leaving.signal })
    await expect(answer).rejects.toThrow()
    const newest = async () => (await client.call('GET', '/v1/turns')).text
    await expect.poll(newest, { timeout: 10_000 }).toContain('"code":"cancelled"')
    await expect.poll(sessions, { timeout: 10_000 }).toEqual([])
    // A session that comes into being later would be found now.
    await client.call('POST', '/v1/agents/a1/turns?wait=true', { text: 'echo:hi' })
    expect(await sessions()).toHaveLength(1)
  })

  it('goes on where X-Session-Id is its id, and gets the last message only', async () => {
    const { ask, client, prompts } = await served()
    const { headers } = await client.call('POST', '/v1/agents/a1/turns?wait=true', { text: 'echo:hi' })
    const turn = await client.call('GET', `/v1/turns/${headers.get('turn-id') ?? ''}`)
    const { session_id } = turn.body as { session_id: string }
    const messages = [user('echo:hi'), { role: 'assistant', content: 'hi' }, user('echo:ho')]
    const answer = await ask({ model: 'a1', messages }, { 'x-session-id': session_id })
    expect(answer.headers.get('x-session-id')).toBe(session_id)
    expect(prompts()).toMatchObject([
      { session: session_id, text: 'echo:hi' },
      { session: session_id, text: 'echo:ho' },
    ])
    expect(await ask(chat('hi'), { 'x-session-id': 'ses_none' })).toMatchObject({
      status: 404,
      body: { error: { param: 'X-Session-Id', code: 'session_not_found' } },
    })
    expect(await ask(chat('hi'), { 'x-session-id': 'x'.repeat(300) })).toMatchObject({
      status: 400,
      body: { error: { param: 'X-Session-Id' } },
    })
  })

  it('may have a name of the client, which belongs to its token and agent', async () => {
    const other = testToken(['turn'])
    const { ask, client, sessions, prompts } = await served({ gateway: { tokens: [other.record] } })
    const named = { 'x-session-id': 'chat 42' }
    const messages = [user('My name is Ada.'), { role: 'assistant', content: 'Hello.' }, user('Who am I?')]
    const [one, two] = await Promise.all([ask({ model: 'a1', messages }, named), ask(chat('echo:b'), named)])
    const id = one.headers.get('x-session-id')
    expect(two.headers.get('x-session-id')).toBe(id)
    expect((await ask({ model: 'a1', messages: [...messages, user('echo:c')] }, named)).text).toContain(
      '"content":"c"',
    )
    expect((await sessions()).map((session) => session.id)).toEqual([id])
    const texts = prompts().map(({ text }) => text)
    expect(texts).toContain('echo:c')
    expect(texts.filter((text) => text?.includes('My name is Ada.'))).toHaveLength(1)
    const ofOther = await client.as(other.token).call('POST', path, chat('echo:d'), named)
    expect(ofOther.headers.get('x-session-id')).not.toBe(id)
    await client.call('DELETE', `/v1/sessions/${id ?? ''}?agent=a1`)
    const fresh = await ask(chat('echo:e'), named)
    expect([fresh.status, fresh.headers.get('x-session-id') === id]).toEqual([200, false])
  })
})

describe('a failure of a path of OpenAI', () => {
  it('has the shape of OpenAI, also before the caller is known', async () => {
    const small = testToken(['approve'])
    const { client } = await served({ gateway: { tokens: [small.record] } })
    const without = client.as('wrong')
    expect(await without.call('GET', '/openai/v1/models')).toMatchObject({
      status: 401,
      body: { error: { type: 'invalid_request_error', code: 'invalid_api_key', param: null } },
    })
    expect((await client.as(small.token).call('POST', path, chat('hi'))).body).toMatchObject({
      error: { code: 'ERR_OPENCODE_FORBIDDEN' },
    })
    const shape = { error: { message: expect.any(String) as string, type: 'invalid_request_error' } }
    expect((await client.call('POST', '/openai/v1/embeddings', {})).body).toMatchObject(shape)
    expect((await client.call('DELETE', path)).body).toMatchObject(shape)
    expect((await client.call('POST', path, 'no json')).body).toMatchObject(shape)
    expect((await client.call('POST', path, undefined, { 'content-length': '0' })).status).toBe(415)
  })
})
