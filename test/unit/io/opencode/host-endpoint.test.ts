import { afterEach, describe, expect, it } from 'vitest'
import {
  openHostEndpoint,
  type CallHandler,
  type HostAnswer,
  type HostEndpoint,
  type PostedCall,
} from '../../../../src/io/opencode/host-endpoint.ts'
import { isListening } from '../../../support/home.ts'

const call = {
  sessionID: 'ses_1',
  messageID: 'msg_1',
  callID: 'call_1',
  tool: 'greet',
  args: { name: 'Ann' },
}
const hello: HostAnswer = { output: 'Hello', attachments: [] }

let endpoint: HostEndpoint | undefined
afterEach(() => endpoint?.close())

async function open(handler: CallHandler): Promise<HostEndpoint> {
  endpoint = await openHostEndpoint(handler)
  return endpoint
}

const post = ({ url, token }: HostEndpoint, body: string, signal?: AbortSignal): Promise<Response> =>
  fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body,
    ...(signal && { signal }),
  })

const answering =
  (
    answer: Promise<HostAnswer>,
    onAbort: () => void = () => undefined,
    seen: PostedCall[] = [],
  ): CallHandler =>
  (posted) => {
    seen.push(posted)
    return { answer, abort: onAbort }
  }

describe('openHostEndpoint', () => {
  it('answers a call with one line per progress, and the result last', async () => {
    const seen: PostedCall[] = []
    const opened = await open((posted, progress) => {
      seen.push(posted)
      const answer = Promise.resolve().then(() => {
        progress('half')
        return hello
      })
      return { answer, abort: () => undefined }
    })
    const response = await post(opened, JSON.stringify(call))
    expect(
      (await response.text())
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([{ progress: 'half' }, hello])
    expect(seen).toEqual([
      { sessionId: 'ses_1', messageId: 'msg_1', callId: 'call_1', tool: 'greet', args: { name: 'Ann' } },
    ])
  })

  it('listens on loopback only, and closes its port', async () => {
    const { url, close } = await open(answering(Promise.resolve(hello)))
    expect(new URL(url).hostname).toBe('127.0.0.1')
    expect(await isListening(url)).toBe(true)
    close()
    expect(await isListening(url)).toBe(false)
  })

  it('has another token each time', async () => {
    const first = await open(answering(Promise.resolve(hello)))
    first.close()
    expect((await open(answering(Promise.resolve(hello)))).token).not.toBe(first.token)
  })

  it.each([
    ['no token', 401, (it: HostEndpoint) => fetch(it.url, { method: 'POST', body: JSON.stringify(call) })],
    [
      'a wrong token',
      401,
      (it: HostEndpoint) => post({ ...it, token: 'x'.repeat(it.token.length) }, JSON.stringify(call)),
    ],
    ['no POST', 404, (it: HostEndpoint) => fetch(it.url)],
    ['no JSON', 400, (it: HostEndpoint) => post(it, 'so')],
    ['no ids', 400, (it: HostEndpoint) => post(it, JSON.stringify({ ...call, sessionID: 1 }))],
    ['more than 10 MiB', 413, (it: HostEndpoint) => post(it, 'x'.repeat(10 * 1024 * 1024 + 1))],
  ])('refuses a request with %s', async (_, status, send) => {
    const seen: PostedCall[] = []
    const opened = await open(answering(Promise.resolve(hello), undefined, seen))
    expect((await send(opened)).status).toBe(status)
    expect(seen).toEqual([])
  })

  it('aborts a call whose connection breaks', async () => {
    let end: () => void = () => undefined
    const ended = new Promise<void>((resolve) => (end = resolve))
    const opened = await open(answering(new Promise(() => undefined), end))
    const client = new AbortController()
    await post(opened, JSON.stringify(call), client.signal)
    client.abort()
    await ended
  })

  it('aborts its calls when it closes', async () => {
    let end: () => void = () => undefined
    const ended = new Promise<void>((resolve) => (end = resolve))
    const opened = await open(answering(new Promise(() => undefined), end))
    const response = await post(opened, JSON.stringify(call))
    opened.close()
    await ended
    await expect(response.text()).rejects.toThrow()
  })
})
