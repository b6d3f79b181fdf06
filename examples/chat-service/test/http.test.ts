import { once } from 'node:events'
import { request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fakeOpenCode, type FakeFaults } from 'opencode-runtime/testing'
import { filter, firstValueFrom, lastValueFrom, map, toArray } from 'rxjs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ChatService } from '../chat.ts'
import { createChatServer } from '../http.ts'
import { Client } from './client.ts'

/** Starts the service over HTTP, on a fake opencode with the given faults. */
async function serve(faults: FakeFaults | FakeFaults[] = {}, { retryMs = 600_000, maxRestarts = 5 } = {}) {
  const home = await mkdtemp(join(tmpdir(), 'chat-test-'))
  const fake = await fakeOpenCode(faults)
  const proxy = { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'sk-nobody-asks' }
  const options = { home, proxy, models: ['gpt-4o'], binary: fake.binary, backoffInitialMs: 1, maxRestarts }
  const chat = new ChatService(options, { retryMs, drainMs: 0, maxOpenPerRoom: 2 })
  const http = createChatServer(chat).listen(0, '127.0.0.1')
  await once(http, 'listening')
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  onTestFinished(async () => {
    await chat.close()
    http.close()
    await fake.stop()
    await rm(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
  })
  const enter = (room = 'lobby') => new Client(url, room).join()
  const status = async () => ((await (await fetch(`${url}/status`)).json()) as { status: string }).status
  return { chat, fake, url, enter, status }
}

const idOf = async (response: Response): Promise<string> =>
  ((await response.json()) as { message: string }).message

describe('the chat service over HTTP', () => {
  it('streams answers to a room, within one conversation', async () => {
    const { fake, enter, status } = await serve()
    const [client, other] = [await enter(), await enter('elsewhere')]
    const said = await client.say('echo:Hello there')
    expect(said.status).toBe(202)
    const message = await idOf(said)
    expect(await client.until('answer')).toMatchObject({ room: 'lobby', message, text: 'Hello there' })
    expect(await client.until('delta')).toMatchObject({ message })
    await client.say('tool echo:and again')
    expect(await client.until('tool', ({ state }) => state === 'done')).toMatchObject({ tool: 'bash' })
    await client.until('answer', ({ text }) => text === 'and again')
    await other.say('echo:from elsewhere')
    expect(await other.until('answer')).toMatchObject({ room: 'elsewhere', text: 'from elsewhere' })

    const prompts = fake.requests.filter(({ url }) => url.includes('/prompt')).map(({ url }) => url)
    expect(new Set(prompts.slice(-3)).size).toBe(2)
    expect(await status()).toBe('ready')
  })

  it('lets clients answer permission requests of the agent', async () => {
    const { enter } = await serve()
    const client = await enter()
    await client.say('permission')
    const { request: asked, patterns } = await client.until('permission')
    expect(patterns).toEqual(['/etc/*'])
    expect((await client.post(`permissions/${asked}`, { allow: 'yes' })).status).toBe(400)
    expect((await client.post(`permissions/${asked}`, { allow: false })).status).toBe(202)
    const denied = await client.until('tool', ({ state }) => state !== 'running')
    expect(denied).toMatchObject({ tool: 'read', state: 'failed' })

    await client.say('permission')
    const again = await client.until('permission', ({ message }) => message !== denied.message)
    expect((await client.post(`permissions/${again.request}`, { allow: true })).status).toBe(202)
    await client.until('tool', ({ message, state }) => message === again.message && state === 'done')
    await client.until('answer', ({ message }) => message === again.message)
  })

  it('rejects messages above the limit, and cancels messages on request', async () => {
    const { enter } = await serve()
    const client = await enter()
    const messages = [await idOf(await client.say('hang')), await idOf(await client.say('hang'))]
    const refused = await client.say('hang')
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1'])
    for (const message of messages) {
      expect((await client.cancel(message)).status).toBe(202)
      const end = await client.until('error', (event) => event.message === message)
      expect(end).toMatchObject({ code: 'cancelled', retry: 'never' })
      expect((await client.cancel(message)).status).toBe(404)
    }
  })

  it('cancels the messages of a room without clients', async () => {
    const { enter, chat } = await serve()
    const [client, other, elsewhere] = [await enter(), await enter(), await enter('elsewhere')]
    await client.say('permission')
    await elsewhere.say('permission')
    await Promise.all([other.until('permission'), elsewhere.until('permission')])
    const end = firstValueFrom(chat.events$.pipe(filter(({ type }) => type === 'error')))
    client.leave()
    other.leave()
    expect(await end).toMatchObject({ room: 'lobby', code: 'cancelled' })
    expect(chat.actor.getSnapshot().context.open).toMatchObject([{ room: 'elsewhere' }])
    const back = await enter()
    await back.say('echo:back')
    await back.until('answer')
  })

  it('reports a server that dies, with the advice to retry', async () => {
    const { enter } = await serve([{ crashAfterEvents: 10 }, {}])
    const client = await enter()
    await client.say('every:20 stream:50')
    expect(await client.until('error')).toMatchObject({ code: 'server_died', retry: 'now', partial: 'x x ' })
    expect(await client.until('status', ({ status }) => status === 'degraded')).toMatchObject({
      reason: 'exited',
    })
    await client.say('echo:I am back')
    expect(await client.until('answer')).toMatchObject({ text: 'I am back' })
  })

  it('rejects messages while the server is down, and restarts the server on request', async () => {
    const dead = { exitOnStart: { code: 1, stderr: 'no disk' } }
    const { chat, enter, status } = await serve([dead, {}], { maxRestarts: 0 })
    const client = await enter()
    await client.until('status', (event) => event.status === 'down')
    const refused = await client.say('hello')
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '30'])
    chat.retry()
    await client.until('status', (event) => event.status === 'ready')
    expect(await status()).toBe('ready')
    await client.say('hello')
    expect(await client.until('answer')).toMatchObject({ text: 'Hello world' })
  })

  it('ends its streams when it closes', async () => {
    const { chat, enter } = await serve()
    const client = await enter()
    await client.say('permission')
    await client.until('permission')
    await chat.close()
    const told = await lastValueFrom(
      client.events$.pipe(
        map(({ type }) => type),
        toArray(),
      ),
    )
    expect(told.filter((type) => type === 'error')).toHaveLength(1)
    expect(told.at(-1)).toBe('status')
    expect((await client.say('too late')).status).toBe(503)
  })

  it('accepts only requests of this machine, and only JSON', async () => {
    const { url, status, enter } = await serve()
    const headers = { 'content-type': 'application/json' }
    const post = (path: string, init: RequestInit) => fetch(url + path, { method: 'POST', ...init })
    const statuses = [
      (await post('/rooms/lobby/messages', { body: '{"text":"a form would do"}' })).status,
      (await post('/rooms/lobby/messages', { headers, body: '{' })).status,
      (await post('/rooms/lobby/messages', { headers, body: `"${'x'.repeat(70_000)}"` })).status,
      (await post('/rooms/lobby', { headers, body: '{}' })).status,
      (await (await enter()).post('permissions/none', { allow: true })).status,
    ]
    expect(statuses).toEqual([415, 400, 413, 404, 404])
    const rebound = request(`${url}/status`, { headers: { host: 'agents.example' } }).end()
    const [response] = (await once(rebound, 'response')) as [{ statusCode: number }]
    expect(response.statusCode).toBe(403)
    expect(await status()).not.toBe('closed')
  })
})
