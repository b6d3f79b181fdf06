import { afterEach, describe, expect, it } from 'vitest'
import {
  openHostEndpoint,
  type CallHandler,
  type HostAnswer,
  type HostEndpoint,
  type PostedCall,
} from '../../../../src/io/opencode/host-endpoint.ts'
import { isListening } from '../../../support/home.ts'
import { connectTo } from '../../../support/host-endpoint.ts'

const call = {
  sessionID: 'ses_1',
  messageID: 'msg_1',
  callID: 'call_1',
  tool: 'greet',
  args: { name: 'Ann' },
}
const hello: HostAnswer = { output: 'Hello' }

let endpoint: HostEndpoint | undefined
afterEach(() => endpoint?.close())

async function open(handler: CallHandler): Promise<HostEndpoint> {
  endpoint = await openHostEndpoint(handler)
  return endpoint
}

/** Returns a handler that records its calls and their aborts, and answers when `finish` is called. */
function handlerOf() {
  const seen: PostedCall[] = []
  const aborted: number[] = []
  const finish: ((answer: HostAnswer) => void)[] = []
  const progress: ((title: string) => void)[] = []
  const handler: CallHandler = (posted, report) => {
    const at = seen.push(posted) - 1
    progress.push(report)
    return {
      answer: new Promise((resolve) => finish.push(resolve)),
      abort: () => void aborted.push(at),
    }
  }
  return { handler, seen, aborted, finish, progress }
}

describe('openHostEndpoint', () => {
  it('answers the calls of one connection by their numbers, with their progress, in any order', async () => {
    const { handler, seen, finish, progress } = handlerOf()
    const { send, lines } = connectTo(await open(handler))
    send({ id: 1, ...call })
    send({ id: 2, ...call, callID: 'call_2' })
    await expect
      .poll(() => seen)
      .toEqual([
        { sessionId: 'ses_1', messageId: 'msg_1', callId: 'call_1', tool: 'greet', args: { name: 'Ann' } },
        { sessionId: 'ses_1', messageId: 'msg_1', callId: 'call_2', tool: 'greet', args: { name: 'Ann' } },
      ])
    progress[1]?.('half')
    finish[1]?.(hello)
    finish[0]?.({ error: 'no' })
    await expect
      .poll(() => lines)
      .toEqual([
        { id: 2, progress: 'half' },
        { id: 2, ...hello },
        { id: 1, error: 'no' },
      ])
  })

  it('reports no progress after the result', async () => {
    const { handler, finish, progress } = handlerOf()
    const { send, lines } = connectTo(await open(handler))
    send({ id: 1, ...call })
    await expect.poll(() => finish).toHaveLength(1)
    finish[0]?.(hello)
    await expect.poll(() => lines).toHaveLength(1)
    progress[0]?.('late')
    send({ id: 2, ...call })
    await expect.poll(() => finish).toHaveLength(2)
    finish[1]?.(hello)
    await expect
      .poll(() => lines)
      .toEqual([
        { id: 1, ...hello },
        { id: 2, ...hello },
      ])
  })

  it('listens on loopback only, and closes its port', async () => {
    const { port, close } = await open(handlerOf().handler)
    const address = `http://127.0.0.1:${port}`
    expect(await isListening(address)).toBe(true)
    close()
    expect(await isListening(address)).toBe(false)
  })

  it('has another token each time', async () => {
    const first = await open(handlerOf().handler)
    first.close()
    expect((await open(handlerOf().handler)).token).not.toBe(first.token)
  })

  it.each([
    ['begins with another token', (it: HostEndpoint) => ({ ...it, token: 'x'.repeat(it.token.length) }), []],
    [
      'sends a call together with another token',
      (it: HostEndpoint) => ({ ...it, token: `x\n${JSON.stringify({ id: 1, ...call })}` }),
      [],
    ],
    ['is a request of HTTP', (it: HostEndpoint) => ({ ...it, token: 'POST / HTTP/1.1' }), []],
    ['sends no JSON', (it: HostEndpoint) => it, ['so']],
    ['sends no ids', (it: HostEndpoint) => it, [{ id: 1, ...call, sessionID: 1 }]],
    ['sends no number', (it: HostEndpoint) => it, [call]],
    ['sends a line of more than 10 MiB', (it: HostEndpoint) => it, ['x'.repeat(10 * 1024 * 1024 + 1)]],
  ])('ends a connection that %s', async (_, as, lines) => {
    const { handler, seen } = handlerOf()
    const client = connectTo(as(await open(handler)))
    for (const line of lines) client.send(line)
    await client.ended
    expect(seen).toEqual([])
  })

  it('aborts a call that opencode aborts, and no other', async () => {
    const { handler, seen, aborted } = handlerOf()
    const { send } = connectTo(await open(handler))
    for (const id of [1, 2]) send({ id, ...call })
    await expect.poll(() => seen).toHaveLength(2)
    send({ id: 2, abort: true })
    await expect.poll(() => aborted).toEqual([1])
  })

  it('aborts the calls of a connection that ends', async () => {
    const { handler, seen, aborted } = handlerOf()
    const client = connectTo(await open(handler))
    for (const id of [1, 2]) client.send({ id, ...call })
    await expect.poll(() => seen).toHaveLength(2)
    client.end()
    await expect.poll(() => aborted).toEqual([0, 1])
  })

  it('aborts its calls when it closes', async () => {
    const { handler, seen, aborted } = handlerOf()
    const opened = await open(handler)
    const client = connectTo(opened)
    client.send({ id: 1, ...call })
    await expect.poll(() => seen).toHaveLength(1)
    opened.close()
    await client.ended
    await expect.poll(() => aborted).toEqual([0])
  })
})
