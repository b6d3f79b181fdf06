import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { describe, expect, it, onTestFinished } from 'vitest'
import { postCall } from '../../../../src/io/webhook/post-call.ts'
import { signedHeaders } from '../../../../src/io/webhook/signature.ts'
import {
  answerJson,
  webhookReceiver,
  type Answerer,
  type ReceivedCall,
} from '../../../support/webhook-receiver.ts'

const secret = 'whsec_of_a_test_0123456789'
const call = {
  ...{ tool: 'lookup', args: { id: '7' }, context: { user: 'u7' } },
  ...{ turn_id: 't1', session_id: 'ses_1', call_id: 'call_1' },
}
const never = new AbortController().signal
const post = (url: string, signal: AbortSignal = never, more: object = {}) =>
  postCall({ ...call, ...more }, { url, secrets: [secret], signal })

/** Starts a receiver, and posts a call. */
async function postTo(answer: Answerer, more: object = {}) {
  const { url, calls } = await webhookReceiver(answer)
  const result = post(`${url}/tools?a=1`, never, more)
  return { result, calls }
}

describe('postCall', () => {
  it('posts the call as JSON, signed, and returns the result', async () => {
    const { result, calls } = await postTo((_call, response) =>
      answerJson(response, { result: { total: 20 } }),
    )
    expect(await result).toEqual({ total: 20 })
    expect(calls).toHaveLength(1)
    const { path, headers = {}, text = '' }: Partial<ReceivedCall> = calls[0] ?? {}
    expect(path).toBe('/tools?a=1')
    expect(text).toBe(JSON.stringify(call))
    const at = Number(headers['opencode-runtime-timestamp'])
    expect(Math.abs(at * 1000 - Date.now())).toBeLessThan(60_000)
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      ...signedHeaders([secret], text, at * 1000),
    })
  })

  it('sends null as the context of a turn without a context', async () => {
    const { result, calls } = await postTo((_call, response) => answerJson(response, { result: 1 }), {
      context: undefined,
    })
    await result
    expect(calls[0]?.call).toEqual({ ...call, context: null })
  })

  it('sends nothing if the context is no JSON', async () => {
    const { result, calls } = await postTo(() => undefined, { context: { n: 1n } })
    await expect(result).rejects.toThrow('the context of the turn cannot be written as JSON')
    expect(calls).toEqual([])
  })

  it('follows no redirect, and does not wait for its body', async () => {
    const { url: other, calls: followed } = await webhookReceiver((_call, response) =>
      answerJson(response, { result: 'the other' }),
    )
    const { result } = await postTo((_call, response) => {
      response.writeHead(307, { location: other }).write('…')
    })
    await expect(result).rejects.toThrow(/redirect \(307\)/)
    expect(followed).toEqual([])
  })

  it('rejects as soon as an answer is larger than 10 MiB, and closes the connection', async () => {
    const chunk = Buffer.alloc(1024 * 1024, 0x20)
    const { result, calls } = await postTo((_call, response) => {
      const send = (): void => {
        while (!response.destroyed && response.write(chunk));
        if (!response.destroyed) response.once('drain', send)
      }
      send()
    })
    await expect(result).rejects.toThrow(/^answered with more than 10485760 bytes$/)
    await calls[0]?.closed
  })

  it('rejects with a code if nothing listens, without the address', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    await new Promise((closed) => server.close(closed))
    const result = post(`http://127.0.0.1:${port}/`)
    await expect(result).rejects.toThrow(/^could not be reached, or broke the connection \(ECONNREFUSED\)$/)
  })

  it.each([
    ['before the answer', ''],
    ['in the middle of the answer', 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"result"'],
    ['with an answer that is no HTTP', 'SSH-2.0-OpenSSH_9.6\r\n'],
  ])('rejects if the connection ends %s', async (_when, text) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.once('data', () => socket.end(text))
    }).listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const result = post(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    await expect(result).rejects.toThrow(
      /^could not be reached, or broke the connection \((UND_ERR_\w+|HPE_\w+|HTTPParserError)\)$/,
    )
  })

  it.each([
    ['without an answer', () => undefined],
    [
      'with an answer that does not end',
      (_call, response) => void response.writeHead(200).write('{"result":'),
    ],
  ] satisfies [string, Answerer][])(
    'rejects when the signal aborts a call %s, and closes the connection',
    async (_what, answer) => {
      const controller = new AbortController()
      const { url, calls } = await webhookReceiver((received, response) => {
        answer(received, response)
        controller.abort(new Error('enough'))
      })
      await expect(post(url, controller.signal)).rejects.toThrow(/^enough$/)
      await calls[0]?.closed
    },
  )

  it('masks the secret in an answer', async () => {
    const { result } = await postTo((_call, response) => answerJson(response, { result: `key ${secret}` }))
    expect(await result).toBe('key ***')
  })
})
