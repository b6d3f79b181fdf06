import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { firstValueFrom, toArray } from 'rxjs'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { OpenCodeServer, Turn } from '../../src/index.ts'
import type { ScriptedModel, StreamReply } from '../../src/testing/index.ts'
import { deferred } from '../../src/util/deferred.ts'
import { collect, realServer } from '../support/real.ts'
import { expectWellFormed } from '../support/replies.ts'

const call = (command: string, id?: string) => ({
  name: 'bash',
  args: { command, description: command },
  ...(id !== undefined && { id }),
})
const threeAlike = { toolCalls: [call('printf same'), call('printf same'), call('printf same')] }
/** Reply of a model whose provider gives the call of each step the same id. */
const steps = (id: string): StreamReply[] => [
  ...[1, 2, 3].map((step) => ({ toolCalls: [call(`printf step${step}`, id)] })),
  { text: 'done' },
]

let server: OpenCodeServer
let model: ScriptedModel
let close: () => Promise<void>

beforeAll(async () => {
  ;({ server, model, close } = await realServer(
    [
      { match: 'three alike', reply: threeAlike },
      { match: 'no other way', reply: threeAlike },
      { match: /^You called the same tool/, reply: { text: 'another way' } },
      { match: 'call_0 each time', reply: steps('call_0') },
      { match: 'no id', reply: steps('') },
      {
        match: 'a key with digits',
        reply: {
          error: { status: 500, message: 'litellm.AuthenticationError: Incorrect API key provided: sk-1503' },
        },
      },
      { match: 'fill the window', reply: { text: 'Hello', usage: { inputTokens: 8_700 } } },
      { match: 'hello', reply: { text: 'Hello' } },
    ],
    {
      models: [
        'gpt-4o',
        { id: 'small', contextTokens: 16_384 },
        { id: 'listener', input: ['text', 'audio'] },
      ],
    },
  ))
  await server.ensureRunning()
})
afterAll(() => close())

const statesOf = (turn: Turn) => firstValueFrom(turn.status$.pipe(toArray()))

describe('a model that repeats the same call', () => {
  it('goes on in the same turn after the permission doom_loop was rejected', async () => {
    const session = server.session()
    const turn = session.turn('three alike')
    const states = statesOf(turn)
    const replies = await collect(turn)
    expectWellFormed(replies)
    expect(replies.at(-1)).toMatchObject({ kind: 'final', content: 'another way' })
    expect(replies.filter(({ kind }) => kind === 'tool_call')).toHaveLength(3)
    const retries = (await states).filter(({ state }) => state === 'retrying')
    expect(retries).toMatchObject([{ attempt: 1, message: 'the permission doom_loop was rejected' }])
    expect(await session.turn('hello').done).toMatchObject({ kind: 'final', content: 'Hello' })
  })

  it('ends the turn as rejected when its retries are spent', async () => {
    const turn = server.turn({
      text: 'three alike',
      maxRetries: 1,
      onPermission: () => ({ reject: 'There is no other way.' }),
    })
    const states = statesOf(turn)
    expect(await turn.done).toMatchObject({ code: 'rejected', retryable: false })
    expect((await states).filter(({ state }) => state === 'retrying')).toHaveLength(1)
  })
})

describe('a provider', () => {
  it.each(['call_0 each time', 'no id'])(
    'whose tool calls have %s hides no call and no result',
    async (text) => {
      const replies = await collect(server.turn(text))
      expectWellFormed(replies)
      const commands = replies.flatMap((reply) => (reply.kind === 'tool_call' ? [reply.args['command']] : []))
      const results = replies.flatMap((reply) => (reply.kind === 'tool_result' ? [reply.result] : []))
      expect(commands).toEqual(['printf step1', 'printf step2', 'printf step3'])
      expect(results).toEqual(['step1', 'step2', 'step3'])
    },
  )

  it('that rejects a key whose text has the digits of a status ends the turn at once', async () => {
    const turn = server.turn('a key with digits')
    expect(await turn.done).toMatchObject({ code: 'auth', retryable: false })
  })

  it('of a model with a small context is not asked without end', async () => {
    const before = model.requests.length
    const replies = await collect(server.turn({ text: 'fill the window', model: 'small' }))
    expectWellFormed(replies)
    expect(replies.at(-1)).not.toMatchObject({ code: 'deadline_exceeded' })
    expect(model.requests.length - before).toBeLessThanOrEqual(8)
  })

  it('gets no media type that opencode does not send', async () => {
    const attachments = [{ mime: 'audio/ogg', data: new Uint8Array(8) }]
    const end = await server.turn({ text: 'hello', model: 'listener', attachments }).done
    expect(end).toMatchObject({ code: 'rejected', error: expect.stringContaining('audio/ogg') as string })
  })
})

/** Starts a remote MCP server that answers each request after some ms; `asked` settles at the first request. */
async function slowMcp(ms: number) {
  const asked = deferred<undefined>()
  const http = createServer((request, response) => {
    let body = ''
    asked.resolve(undefined)
    request.setEncoding('utf8').on('data', (text: string) => (body += text))
    request.on('end', () => {
      if (request.method !== 'POST') return response.writeHead(405).end()
      const { id, method, params } = JSON.parse(body) as {
        id?: number
        method: string
        params?: { protocolVersion?: string }
      }
      const ready = {
        protocolVersion: params?.protocolVersion,
        capabilities: { tools: {} },
        serverInfo: { name: 'slow', version: '1' },
      }
      const result = method === 'initialize' ? ready : { tools: [] }
      return setTimeout(() => {
        if (id === undefined) return response.writeHead(202).end()
        return response
          .writeHead(200, { 'content-type': 'application/json' })
          .end(JSON.stringify({ jsonrpc: '2.0', id, result }))
      }, ms)
    })
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    http.closeAllConnections()
    http.close()
  })
  return { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`, asked: asked.promise }
}

describe('a turn that is cancelled while a remote MCP server connects', () => {
  it('leaves a directory in which the next turn is answered', async () => {
    const { url, asked } = await slowMcp(1_000)
    await server.reconfigure({ config: { mcp: { slow: { type: 'remote', url } } } })
    const directory = mkdtempSync(join(tmpdir(), 'opencode-runtime-mcp-'))
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
    const first = server.turn({ text: 'hello', directory })
    await asked
    first.cancel()
    expect(await first.done).toMatchObject({ code: 'cancelled' })
    expect(await server.turn({ text: 'hello', directory }).done).toMatchObject({
      kind: 'final',
      content: 'Hello',
    })
    await server.reconfigure({ config: {} })
  })
})

describe('a proxy', () => {
  it('that is not there is named by its URL at the second failed request', async () => {
    await server.reconfigure({ proxy: { baseURL: 'http://127.0.0.1:9/v1' } })
    const turn = server.turn('hello')
    const states = statesOf(turn)
    const end = await turn.done
    expect(end).toMatchObject({ code: 'provider_unavailable', retryable: true })
    expect(end).toMatchObject({
      error: expect.stringMatching(
        /^http:\/\/127\.0\.0\.1:9\/v1 cannot be reached .*opencode-runtime doctor --proxy http:\/\/127\.0\.0\.1:9\/v1$/,
      ) as string,
    })
    expect((await states).filter(({ state }) => state === 'retrying')).toHaveLength(1)
  })

  it('without the path of its calls is named by its URL, and asked for /v1', async () => {
    const baseURL = model.baseURL.replace(/\/v1$/, '/elsewhere')
    await server.reconfigure({ proxy: { baseURL } })
    const end = await server.turn('hello').done
    expect(end).toMatchObject({ code: 'provider_error', retryable: false })
    expect(end).toMatchObject({ error: expect.stringContaining(`${baseURL} answers 404`) as string })
    expect(end).toMatchObject({ error: expect.stringContaining('is /v1 missing?') as string })
  })
})
