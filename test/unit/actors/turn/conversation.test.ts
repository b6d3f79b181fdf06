import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { remoteDirectories, type DirectoryPolicy } from '../../../../src/actors/server/directory-policy.ts'
import { Conversation } from '../../../../src/actors/turn/conversation.ts'
import { InvalidOptionsError } from '../../../../src/errors.ts'
import { HttpError, OpenCodeClient } from '../../../../src/io/opencode/client.ts'

const named = { input: 'option directory', directory: '/work' }
const given = { input: 'session option directory', directory: '/given' }
const fallback = { named, title: 'a title', policy: remoteDirectories }
const { signal } = new AbortController()

async function serve(listener: RequestListener) {
  const asked: string[] = []
  const server = createServer((request, response) => {
    const { 'x-opencode-directory': directory } = request.headers
    const where = typeof directory === 'string' ? ` in ${decodeURIComponent(directory)}` : ''
    asked.push(`${request.method ?? ''} ${request.url ?? ''}${where}`)
    response.setHeader('content-type', 'application/json')
    listener(request, response)
  })
  await new Promise((listening) => server.listen(0, '127.0.0.1', () => listening(undefined)))
  const baseURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const client = new OpenCodeClient({ baseURL, username: 'opencode', password: undefined })
  onTestFinished(() => {
    client.close()
    server.close()
  })
  return { client, asked }
}

const session = (id: string, directory: string): RequestListener => {
  return (_, response) => response.end(JSON.stringify({ id, directory }))
}

describe('Conversation.open', () => {
  it('creates its session once, on first use, also for concurrent callers', async () => {
    const { client, asked } = await serve(session('ses_new', '/real/work'))
    const conversation = new Conversation({ key: 'k' })
    const ids = await Promise.all([1, 2, 3].map(() => conversation.open(client, fallback, signal)))
    expect(ids).toEqual(['ses_new', 'ses_new', 'ses_new'])
    expect(await conversation.open(client, fallback, signal)).toBe('ses_new')
    expect(asked).toEqual(['POST /session in /work'])
    expect(conversation).toMatchObject({ sessionId: 'ses_new', directory: '/real/work' })
  })

  it("looks up a given session, so that its requests are answered in the session's directory, not the turn's", async () => {
    const { client, asked } = await serve(session('ses_1', '/its/own'))
    const conversation = new Conversation({ key: 'k', sessionId: 'ses_1', named: given })
    expect(await conversation.open(client, fallback, signal)).toBe('ses_1')
    expect(asked).toEqual(['GET /session/ses_1'])
    expect(conversation.directory).toBe('/its/own')
  })

  it("prefers the conversation's directory to the default directory", async () => {
    const { client, asked } = await serve(session('ses_new', '/given'))
    await new Conversation({ key: 'k', named: given }).open(client, fallback, signal)
    expect(asked).toEqual(['POST /session in /given'])
  })

  it('rejects for a session that does not exist, and asks the server again on the next call', async () => {
    let answers = 0
    const { client } = await serve((request, response) => {
      if (answers++ > 0) return session('ses_1', '/w')(request, response)
      response.writeHead(404).end('{"name":"NotFoundError","data":{"message":"Session not found"}}')
    })
    const conversation = new Conversation({ key: 'k', sessionId: 'ses_1' })
    const error = await conversation.open(client, fallback, signal).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(HttpError)
    expect(error).toMatchObject({ status: 404, message: 'Session not found' })
    expect(await conversation.open(client, fallback, signal)).toBe('ses_1')
  })

  it('rejects only the caller that aborts', async () => {
    let release: (() => void) | undefined
    const { client } = await serve((request, response) => {
      release = () => session('ses_new', '/w')(request, response)
    })
    const conversation = new Conversation({ key: 'k' })
    const abort = new AbortController()
    const [leaving, staying] = [
      conversation.open(client, fallback, abort.signal),
      conversation.open(client, fallback, signal),
    ]
    abort.abort(new Error('enough'))
    await expect(leaving).rejects.toThrow('enough')
    await expect.poll(() => release, { interval: 5 }).toBeDefined()
    release?.()
    expect(await staying).toBe('ses_new')
  })

  it('sends no request for a caller that has already aborted', async () => {
    const { client, asked } = await serve((_, response) => response.writeHead(500).end())
    const conversation = new Conversation({ key: 'k' })
    await expect(conversation.open(client, fallback, AbortSignal.abort(new Error('left')))).rejects.toThrow(
      'left',
    )
    expect(asked).toEqual([])
  })

  it('ignores a failure after all callers have aborted', async () => {
    let release: (() => void) | undefined
    const { client } = await serve((_, response) => {
      const fail = (): void => void response.writeHead(500).end()
      if (release) fail()
      release = fail
    })
    const abort = new AbortController()
    const leaving = new Conversation({ key: 'k' }).open(client, fallback, abort.signal)
    await expect.poll(() => release, { interval: 5 }).toBeDefined()
    abort.abort(new Error('left'))
    await expect(leaving).rejects.toThrow('left')
    release?.()
    // An unhandled rejection would fail the run.
    await client.abort('ses_x', undefined).catch(() => undefined)
  })

  describe('if the server creates the session in another directory', () => {
    const sent = { ...named, directory: '/jobs/a%2Fb' }
    const elsewhere: RequestListener = (request, response) =>
      request.method === 'DELETE' ? response.end('true') : session('ses_new', '/jobs/a/b')(request, response)

    it('rejects with the sent directory and the used directory, and deletes the session', async () => {
      const { client, asked } = await serve(elsewhere)
      const conversation = new Conversation({ key: 'k' })
      const opened = conversation.open(client, { ...fallback, named: sent }, signal)
      await expect(opened).rejects.toBeInstanceOf(InvalidOptionsError)
      await expect(opened).rejects.toThrow(
        /^Invalid option directory: opencode took "…\/a%2Fb" for another directory, its percent escapes decoded/,
      )
      expect(asked).toEqual(['POST /session in /jobs/a%2Fb', 'DELETE /session/ses_new'])
      expect(conversation.sessionId).toBeUndefined()
    })

    it('rejects also if the session cannot be deleted', async () => {
      const { client } = await serve((request, response) =>
        request.method === 'DELETE' ? response.writeHead(500).end() : elsewhere(request, response),
      )
      const opened = new Conversation({ key: 'k' }).open(client, { ...fallback, named: sent }, signal)
      await expect(opened).rejects.toBeInstanceOf(InvalidOptionsError)
    })
  })

  it('follows the directory of a session to the target of a link, and back', async () => {
    const { client } = await serve(session('ses_new', '/work'))
    let real = '/work'
    const policy = { ...remoteDirectories, resolve: () => Promise.resolve(real) }
    const conversation = new Conversation({ key: 'k' })
    for (real of ['/work', '/moved', '/work']) {
      await conversation.open(client, { ...fallback, policy }, signal)
      expect(conversation.directory).toBe(real)
    }
  })

  it('looks up a session from the base directory of the policy, so that the server loads nothing of the directory of the session', async () => {
    const { client, asked } = await serve(session('ses_1', '/its/own'))
    const terms = { ...fallback, policy: { ...remoteDirectories, base: '/base' } }
    const ours = new OpenCodeClient(
      { baseURL: client.baseURL, username: 'opencode', password: undefined },
      true,
    )
    onTestFinished(() => ours.close())
    const conversation = new Conversation({ key: 'k', sessionId: 'ses_1' })
    expect(await conversation.locate(ours, terms.policy)).toBe('/its/own')
    expect(await conversation.open(ours, terms, signal)).toBe('ses_1')
    expect(new Set(asked)).toEqual(new Set(['GET /session/ses%5f1 in /base']))
  })

  describe('in a directory that the policy rejects', () => {
    const refused = new InvalidOptionsError('not there')
    const refusing = (bad: string) => {
      const seen: string[] = []
      const resolve: DirectoryPolicy['resolve'] = ({ directory }) => {
        seen.push(directory)
        return directory === bad ? Promise.reject(refused) : Promise.resolve(directory)
      }
      return { terms: { ...fallback, policy: { ...remoteDirectories, resolve } }, seen }
    }

    it('rejects before any request to the server', async () => {
      const { client, asked } = await serve(session('ses_new', '/work'))
      const opened = new Conversation({ key: 'k' }).open(client, refusing('/work').terms, signal)
      await expect(opened).rejects.toBe(refused)
      expect(asked).toEqual([])
    })

    it('rejects for the directory of the given session, also if the turn names another directory', async () => {
      const { client, asked } = await serve(session('ses_1', '/its/own'))
      const { terms, seen } = refusing('/its/own')
      const conversation = new Conversation({ key: 'k', sessionId: 'ses_1', named: given })
      await expect(conversation.open(client, terms, signal)).rejects.toBe(refused)
      expect(asked).toEqual(['GET /session/ses_1'])
      expect(seen).toEqual(['/its/own'])
    })

    it('rejects for a known session, and continues it when the policy accepts the directory again', async () => {
      const { client, asked } = await serve(session('ses_new', '/work'))
      const conversation = new Conversation({ key: 'k' })
      await conversation.open(client, fallback, signal)
      await expect(conversation.open(client, refusing('/work').terms, signal)).rejects.toBe(refused)
      expect(await conversation.open(client, fallback, signal)).toBe('ses_new')
      expect(asked).toHaveLength(1)
    })
  })
})
