import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { JoinedStream, type StreamState } from '../../../../web/src/live/joined-stream.ts'
import { retryDelay } from '../../../../web/src/live/retry.ts'

/** Serves each request by the next of these answers, and the last one again. */
async function serverOf(answers: ((request: IncomingMessage, response: ServerResponse) => void)[]) {
  const lastIds: (string | undefined)[] = []
  const server = createServer((request, response) => {
    lastIds.push(request.headers['last-event-id'] as string | undefined)
    answers[Math.min(lastIds.length, answers.length) - 1]?.(request, response)
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, lastIds }
}

const sends = (text: string, isEnd: boolean) => (_request: IncomingMessage, response: ServerResponse) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' }).write(text)
  if (isEnd) response.end()
}
const event = (id: number): string => `event: e\nid: ${id}\ndata: ${id}\n\n`

function read(url: string, lastId?: string) {
  const ids: string[] = []
  const states: StreamState[] = []
  const stream = new JoinedStream({
    url,
    lastId,
    onMessages: (messages) => ids.push(...messages.map(({ data }) => data)),
    onState: (state) => {
      states.push(state)
      if (state.state === 'waiting') stream.retry()
    },
  }).start()
  onTestFinished(() => stream.stop())
  return { ids, states, stream }
}

describe('JoinedStream', () => {
  it('joins again from the last event, also after half an event', async () => {
    const half = event(3).slice(0, -4)
    const { url, lastIds } = await serverOf([
      sends(event(1) + event(2) + half, true),
      sends(event(3) + event(4), false),
    ])
    const { ids, states } = read(url)
    await vi.waitFor(() => expect(ids).toEqual(['1', '2', '3', '4']), { timeout: 15_000 })
    expect(lastIds).toEqual([undefined, '2'])
    expect(states.map(({ state }) => state)).toEqual(['connecting', 'live', 'waiting', 'connecting', 'live'])
  })

  it('begins after a given event', async () => {
    const { url, lastIds } = await serverOf([sends(event(8), false)])
    const { ids } = read(url, '7')
    await vi.waitFor(() => expect(ids).toEqual(['8']), { timeout: 15_000 })
    expect(lastIds).toEqual(['7'])
  })

  it('gives up when the gateway refuses, and tells its problem', async () => {
    const { url, lastIds } = await serverOf([
      (_request, response) => response.writeHead(401).end('{"detail":"log in","code":"ERR_X"}'),
    ])
    const { states } = read(url)
    await vi.waitFor(() => expect(states.at(-1)?.state).toBe('refused'), { timeout: 15_000 })
    expect(states.at(-1)).toMatchObject({ error: { status: 401, code: 'ERR_X', message: 'log in' } })
    expect(lastIds).toHaveLength(1)
  })

  it('tries again when the gateway drains, or is full', async () => {
    const refuse = (status: number) => (_request: IncomingMessage, response: ServerResponse) =>
      response.writeHead(status).end()
    const { url } = await serverOf([refuse(503), refuse(429), sends(event(1), false)])
    const { ids, states } = read(url)
    await vi.waitFor(() => expect(ids).toEqual(['1']), { timeout: 15_000 })
    expect(states.flatMap((state) => (state.state === 'connecting' ? state.attempt : []))).toEqual([0, 1, 2])
  })

  it('reads nothing after its end', async () => {
    const { url, lastIds } = await serverOf([sends(event(1), true)])
    const { ids, stream } = read(url)
    await vi.waitFor(() => expect(ids.length).toBeGreaterThan(1), { timeout: 15_000 })
    stream.stop()
    const { length } = lastIds
    stream.retry()
    expect(lastIds).toHaveLength(length)
  })
})

describe('retryDelay', () => {
  it('grows up to 15 s, and is random by half', () => {
    expect([0, 1, 2, 9, 2_000].map((attempt) => retryDelay(attempt, () => 1))).toEqual([
      500, 1_000, 2_000, 15_000, 15_000,
    ])
    expect(retryDelay(1, () => 0)).toBe(500)
  })
})
