import { expect, it } from 'vitest'
import { openChunks, textOfChunks } from '../support/chat-chunks.ts'
import { fakeGateway } from '../support/gateway.ts'

/**
 * Requests of Open WebUI, as they were observed with the settings of `examples/open-webui.md`: each with the header
 * that its connection has.
 */
it('a chat of Open WebUI has a session, and its work in the background another one', async () => {
  const { fleet, url, all, client } = await fakeGateway()
  await fleet.apply([{ id: 'alice' }])
  const path = '/openai/v1/chat/completions'
  const chat = '231db5e1-b54f-46c1-a421-c0c5aac3e887'
  const say = async (messages: object[], name = chat) => {
    const headers = { 'x-session-id': name }
    const body = { stream: true, model: 'alice', messages }
    const reader = await openChunks({ url: `${url}${path}`, token: all.token, headers, body })
    const text = textOfChunks(await reader.rest())
    return { text, session: reader.response.headers.get('x-session-id') }
  }
  const first = { role: 'user', content: 'echo:one' }
  const task = { role: 'user', content: '### Task:\nGenerate a concise title' }

  // Open WebUI asks for the models before it has a chat.
  expect((await client.call('GET', '/openai/v1/models', undefined, { 'x-session-id': '' })).status).toBe(200)
  const title = client.call(
    'POST',
    path,
    { model: 'alice', messages: [task], stream: false, max_tokens: 1000 },
    { 'x-session-id': `${chat}title_generation` },
  )
  const one = await say([first])
  const history = [first, { role: 'assistant', content: 'one' }, { role: 'user', content: 'echo:two' }]
  const two = await say(history)
  expect([one.text, two.text]).toEqual(['one', 'two'])
  expect(one.session).toMatch(/^ses_/)
  expect(two.session).toBe(one.session)
  expect((await title).status).toBe(200)
  expect((await title).headers.get('x-session-id')).not.toBe(one.session)
  expect((await say([first], '')).text).toBe('one')

  const tools = [{ type: 'function', function: { name: 'get_current_timestamp', parameters: {} } }]
  const withTools = await client.call('POST', path, {
    model: 'alice',
    stream: true,
    messages: [first],
    tools,
  })
  expect(withTools).toMatchObject({
    status: 400,
    body: { error: { message: 'Invalid field tools: expected none: the agent has tools of its own' } },
  })
})
