import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { keptSpecs } from '../../src/api/fleet/internals.ts'
import type { FleetOptions, Reply } from '../../src/index.ts'
import { webhookSecrets } from '../../src/io/fleet/webhook-secrets.ts'
import { signedHeaders } from '../../src/io/webhook/signature.ts'
import { hostPluginFile } from '../../src/io/opencode/host-plugin.ts'
import { fakeGateway, testToken, type GatewayClient } from '../support/gateway.ts'
import { openLines } from '../support/gateway-reader.ts'
import { answerJson, webhookReceiver, type ReceivedCall } from '../support/webhook-receiver.ts'

const calling = (name: string, args: Record<string, unknown> = { id: '7' }, id?: string) => ({
  toolCalls: [{ name: `host_${name}`, args, ...(id !== undefined && { id }) }],
})
const done = { text: 'done' }
const script = [
  { match: /^call (\w+)/, reply: [calling('look'), done] },
  { match: 'whose is it', reply: [calling('look', { id: '7' }, 'call_0'), done] },
  { match: 'look wrong', reply: [calling('look', { id: 7 }), done] },
  { match: 'pay it', reply: [calling('pay'), done] },
]
const inputSchema = { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] }
const toolAt = (url: string, more: object = {}) => ({
  ...{ name: 'look', description: 'Finds an order.', input_schema: inputSchema, url },
  ...more,
})

/** Starts a gateway on a fake opencode. */
const open = (fleet: Partial<FleetOptions> = {}, gateway: object = {}) =>
  fakeGateway({ fleet: { script, ...fleet }, gateway })

/** Declares the agent a1 with host tools. */
const put = (client: GatewayClient, ...host_tools: object[]) =>
  client.call('PUT', '/v1/agents/a1', { host_tools })

/** Runs a turn of a1, and resolves with its replies. */
async function repliesOf({ url, token }: GatewayClient, text: string, more: object = {}): Promise<Reply[]> {
  const body = { text, ...more }
  return (await openLines({ url: `${url}/v1/agents/a1/turns`, token, method: 'POST', body })).rest()
}

/** Runs a turn of a1 that ends well, and resolves with the result of its tool call. */
async function resultOf(client: GatewayClient, text: string, more: object = {}) {
  const replies = await repliesOf(client, text, more)
  expect(replies.at(-1)).toMatchObject({ kind: 'final', content: 'done' })
  return replies.find((reply) => reply.kind === 'tool_result')
}

describe.runIf(process.platform === 'linux')('a host tool of another program', () => {
  it('gets the calls of its agent, signed by the secret of the data folder', async () => {
    const { client, dataDir, url } = await open()
    const receiver = await webhookReceiver((_call, response) =>
      answerJson(response, { result: { total: 20 } }),
    )
    expect((await put(client, toolAt(`${receiver.url}/tools`))).status).toBe(201)
    const context = { user_id: 'u7', nested: [1, null] }
    const replies = await repliesOf(client, 'call look', { context })
    const [call, result] = replies.filter(({ kind }) => kind.startsWith('tool_'))
    expect(call).toMatchObject({ kind: 'tool_call', tool: 'look', args: { id: '7' } })
    expect(result).toMatchObject({ tool: 'look', result: '{"total":20}', success: true })

    const { items } = (await client.call('GET', '/v1/turns')).body as { items: Record<string, unknown>[] }
    const { headers, text = '' }: Partial<ReceivedCall> = receiver.calls[0] ?? {}
    const callId = call?.kind === 'tool_call' ? call.call_id : ''
    const expected = {
      ...{ tool: 'look', args: { id: '7' }, context },
      ...{ turn_id: items[0]?.['turn_id'], session_id: items[0]?.['session_id'], call_id: callId },
    }
    expect(JSON.parse(text)).toEqual(expected)
    const at = Number(headers?.['opencode-runtime-timestamp']) * 1000
    expect(headers).toMatchObject(signedHeaders(await webhookSecrets(dataDir), text, at))
    expect(receiver.calls).toHaveLength(1)
    // Neither the home nor any answer has the secret; the home has no URL either.
    const [secret = ''] = await webhookSecrets(dataDir)
    const plugin = readFileSync(hostPluginFile(join(dataDir, 'a1')), 'utf8')
    expect(plugin).toContain('host_look')
    for (const hidden of [secret, receiver.url]) expect(plugin).not.toContain(hidden)
    const shown = await client.call('GET', '/v1/agents/a1')
    expect(shown.body).toMatchObject({ host_tools: [toolAt(`${receiver.url}/tools`)] })
    for (const path of ['/v1/agents/a1', '/v1/agents/a1/log', '/v1/openapi.json', '/metrics'])
      expect(
        await (await fetch(url + path, { headers: { authorization: `Bearer ${client.token}` } })).text(),
      ).not.toContain(secret)
  })

  it('gets each of two calls with equal input and equal id with its own turn, also after a restart', async () => {
    const { client, fleet } = await open()
    const waiting: (() => void)[] = []
    const receiver = await webhookReceiver(({ call }, response) => {
      const { user } = call.context as { user: string }
      waiting.push(() => answerJson(response, { result: user }))
      // Both calls are open at the same time.
      if (waiting.length === 2) for (const go of waiting.splice(0)) go()
    })
    await put(client, toolAt(receiver.url))
    const both = async () => {
      const results = ['ann', 'bob'].map((user) => resultOf(client, 'whose is it', { context: { user } }))
      expect(await Promise.all(results)).toMatchObject([{ result: 'ann' }, { result: 'bob' }])
    }
    await both()
    const { pid } = fleet.agent('a1').lifecycle
    process.kill(pid ?? 0, 'SIGKILL')
    await expect.poll(() => fleet.agent('a1').lifecycle.pid, { timeout: 20_000 }).not.toBe(pid)
    await both()
    const { items } = (await client.call('GET', '/v1/turns')).body as { items: Record<string, string>[] }
    const sessionOf = new Map(items.map(({ turn_id, session_id }) => [turn_id, session_id]))
    expect(new Set(receiver.calls.map(({ call }) => call.turn_id)).size).toBe(4)
    for (const { call } of receiver.calls) expect(call.session_id).toBe(sessionOf.get(call.turn_id))
  })

  it('gets no call whose input does not fit its schema', async () => {
    const { client } = await open()
    const receiver = await webhookReceiver((_call, response) => answerJson(response, { result: 1 }))
    await put(client, toolAt(receiver.url))
    expect(await resultOf(client, 'look wrong')).toMatchObject({
      ...{ success: false, result: expect.stringContaining('Invalid input for look: id') as string },
    })
    expect(receiver.calls).toEqual([])
  })

  it('that fails becomes an error that the model can read, and the turn goes on', async () => {
    const warnings: { message: string; fields: object }[] = []
    const ignore = () => undefined
    const warn = (fields: object, message: string) => void warnings.push({ message, fields })
    const logger = { debug: ignore, info: ignore, error: ignore, warn }
    const { client, dataDir } = await open({ logger })
    const [secret = ''] = await webhookSecrets(dataDir)
    const failures: Record<
      string,
      (received: ReceivedCall, response: Parameters<typeof answerJson>[0]) => unknown
    > = {
      own: (_call, response) => answerJson(response, { error: `no order; ${secret}` }, 404),
      status: (_call, response) => response.writeHead(500).end('Traceback: secret'),
      text: (_call, response) => response.end('<html>'),
      form: (_call, response) => answerJson(response, { output: 1 }),
      redirect: (_call, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
      cut: (_call, response) => response.destroy(),
      slow: ignore,
      hanging: (_call, response) => response.writeHead(200).write('{"result":'),
    }
    const receiver = await webhookReceiver((received, response) => {
      failures[(received.call.context as { as: string }).as]?.(received, response)
    })
    await put(client, toolAt(receiver.url, { timeout_ms: 500 }))
    const failed = async (as: string) => {
      const result = await resultOf(client, 'call look', { context: { as } })
      expect(result).toMatchObject({ kind: 'tool_result', success: false })
      return result?.kind === 'tool_result' ? result.result : ''
    }
    expect(await failed('own')).toBe('no order; ***')
    expect(await failed('status')).toBe('The webhook of the tool look failed with the status 500')
    expect(await failed('text')).toContain(
      'The webhook of the tool look answered with a text that is no JSON',
    )
    expect(await failed('form')).toContain('answered with JSON of another form')
    expect(await failed('redirect')).toContain('answered with a redirect (302), which is not followed')
    expect(await failed('cut')).toContain('could not be reached, or broke the connection (UND_ERR_SOCKET)')
    expect(await failed('slow')).toBe('The tool look did not finish within 500 ms')
    expect(await failed('hanging')).toBe('The tool look did not finish within 500 ms')
    expect(receiver.calls).toHaveLength(Object.keys(failures).length)
    await receiver.calls.at(-1)?.closed
    // An error of the tool's own is no fault of its webhook.
    const told = warnings.filter(({ message }) => message.startsWith('The webhook of the tool look '))
    expect(told).toHaveLength(Object.keys(failures).length - 1)
    expect(told[0]?.fields).toMatchObject({
      agentId: 'a1',
      tenant: 'default',
      turnId: expect.any(String) as string,
    })
    expect(JSON.stringify(warnings)).not.toMatch(/whsec_|Traceback/)
  })

  it('is not called longer than its turn', async () => {
    const { client } = await open()
    const receiver = await webhookReceiver(() => undefined)
    await put(client, toolAt(receiver.url))
    const replies = repliesOf(client, 'call look')
    await expect.poll(() => receiver.calls.length, { timeout: 20_000 }).toBe(1)
    const [{ call, closed } = { call: undefined, closed: undefined }] = receiver.calls
    expect((await client.call('POST', `/v1/turns/${call?.turn_id ?? ''}/cancel`)).status).toBe(202)
    await closed
    expect((await replies).at(-1)).toMatchObject({ kind: 'error', code: 'cancelled' })
  })

  it('with `ask` is called only if a person allows it', async () => {
    const { client } = await open()
    const receiver = await webhookReceiver((_call, response) => answerJson(response, { result: 'paid' }))
    await put(client, toolAt(receiver.url, { name: 'pay', ask: true }))
    const asked = async (answer: object) => {
      const result = repliesOf(client, 'pay it', { on_permission: 'ask' })
      const requests = async () =>
        ((await client.call('GET', '/v1/requests')).body as { items: { request: Record<string, unknown> }[] })
          .items
      await expect.poll(requests, { timeout: 20_000 }).toHaveLength(1)
      const [{ request } = { request: {} }] = await requests()
      expect(request).toMatchObject({ permission: 'host_pay', metadata: { tool: 'pay', input: { id: '7' } } })
      await client.call('POST', `/v1/requests/${String(request['id'])}/answer`, answer)
      return (await result).find((reply) => reply.kind === 'tool_result')
    }
    expect(await asked({ reply: 'reject', message: 'not today' })).toMatchObject({ success: false })
    expect(receiver.calls).toEqual([])
    expect(await asked({ reply: 'once' })).toMatchObject({ success: true, result: 'paid' })
    expect(receiver.calls).toHaveLength(1)
  })

  it('is known to the next fleet of the data folder, and is changed by PATCH', async () => {
    const first = await open()
    const [one, two] = [
      await webhookReceiver((_call, response) => answerJson(response, { result: 'one' })),
      await webhookReceiver((_call, response) => answerJson(response, { result: 'two' })),
    ]
    await put(first.client, toolAt(one.url))
    await first.gateway.close()
    await first.fleet.close()
    const { client, fleet } = await open({ dataDir: first.dataDir, defaults: { binary: first.fake.binary } })
    expect(await resultOf(client, 'call look')).toMatchObject({ result: 'one' })
    const { pid } = fleet.agent('a1').lifecycle
    expect((await client.call('PATCH', '/v1/agents/a1', { host_tools: [toolAt(two.url)] })).status).toBe(200)
    expect(await resultOf(client, 'call look')).toMatchObject({ result: 'two' })
    expect(fleet.agent('a1').lifecycle.pid).not.toBe(pid)
    expect((await client.call('PATCH', '/v1/agents/a1', { host_tools: null })).status).toBe(200)
    expect(await resultOf(client, 'call look')).toMatchObject({ tool: 'invalid' })
    expect(existsSync(hostPluginFile(join(first.dataDir, 'a1')))).toBe(false)
    expect([one, two].map(({ calls }) => calls.length)).toEqual([1, 1])
  })

  it('is signed by a given secret instead, and then no secret is made', async () => {
    const webhookSecret = 'a-secret-of-the-test-0123456789'
    const { client, dataDir } = await open({ webhookSecret })
    const receiver = await webhookReceiver((_call, response) =>
      answerJson(response, { result: webhookSecret }),
    )
    await put(client, toolAt(receiver.url))
    expect(await resultOf(client, 'call look')).toMatchObject({ result: '***' })
    const { headers = {}, text = '' }: Partial<ReceivedCall> = receiver.calls[0] ?? {}
    const at = Number(headers['opencode-runtime-timestamp']) * 1000
    expect(headers).toMatchObject(signedHeaders([webhookSecret], text, at))
    expect(readdirSync(join(dataDir, '.fleet'))).not.toContain('webhooks.json')
  })

  it('is declared by an admin of all agents only', async () => {
    const scoped = testToken(['read', 'admin'], { agents: ['a1'] })
    const { client } = await open({}, { tokens: [scoped.record] })
    await client.call('PUT', '/v1/agents/a1', {})
    const tools = { host_tools: [toolAt('http://127.0.0.1:9/')] }
    for (const method of ['PUT', 'PATCH'])
      expect(await client.as(scoped.token).call(method, '/v1/agents/a1', tools)).toMatchObject({
        ...{ status: 403, body: { field: 'host_tools' } },
      })
    await client.call('PUT', '/v1/agents/a1', tools)
    // The fields that a scoped admin may declare leave the tools as they are.
    expect(await client.as(scoped.token).call('PUT', '/v1/agents/a1', { labels: { a: 'b' } })).toMatchObject({
      body: { labels: { a: 'b' }, ...tools },
    })
  })

  it('is shown without the secrets of its URL, and keeps them when the answer is sent back by PATCH', async () => {
    const { client, fleet } = await open()
    const url = 'http://127.0.0.1:9/tools?token=canary-of-the-url&shop=1'
    const { body, text } = await put(client, toolAt(url))
    expect(text).not.toContain('canary')
    expect(body).toMatchObject({ host_tools: [toolAt('http://127.0.0.1:9/tools?token=***&shop=1')] })
    expect((await client.call('PATCH', '/v1/agents/a1', body)).status).toBe(200)
    expect(keptSpecs(fleet).get('a1')?.hostTools?.[0]?.url).toBe(url)
  })

  it('is refused with a bad field, which the answer names', async () => {
    const { client } = await open()
    const refusalOf = async (more: object) => {
      const { status, body, text } = await put(client, toolAt('http://127.0.0.1:9/', more))
      expect(status).toBe(400)
      expect(text).not.toContain('canary')
      return (body as { detail: string }).detail
    }
    expect(await refusalOf({ url: 'file:///etc/passwd' })).toContain('host_tools[0].url')
    expect(await refusalOf({ url: 'http://user:canary@127.0.0.1/' })).toContain('host_tools[0].url')
    expect(await refusalOf({ input_schema: { type: 'string' } })).toContain('host_tools[0].input_schema')
    expect(await refusalOf({ timeout_ms: 0 })).toContain('host_tools[0].timeout_ms')
    expect(await refusalOf({ inputSchema: {} })).toContain('host_tools[0].inputSchema')
  })
})
