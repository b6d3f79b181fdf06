import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { bytesOf, EventStream } from '../../../../src/gateway/http/event-stream.ts'

beforeEach(() => vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }))
afterEach(() => vi.useRealTimers())

const textOf = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes)

function startStream(next: () => Promise<Uint8Array | undefined>) {
  const ends: string[] = []
  const stop = new AbortController()
  const stream = new EventStream({ next, until: [stop.signal], onEnd: () => ends.push('end') })
  const reader = stream.body.getReader()
  return { stream, reader, stop, ends, read: async () => textOf((await reader.read()).value) }
}

describe('EventStream', () => {
  it('sends a comment every 15 s while the source is quiet, and only to a client that reads', async () => {
    const { read } = startStream(() => new Promise(() => undefined))
    vi.advanceTimersByTime(60_000)
    const first = read()
    await Promise.resolve()
    vi.advanceTimersByTime(14_999)
    vi.advanceTimersByTime(1)
    expect(await first).toBe(': keep-alive\n\n')
  })

  it('sends the other events before those of the source', async () => {
    const { stream, read } = startStream(() => Promise.resolve(bytesOf('source')))
    stream.send('request', { id: 1 })
    expect(await read()).toBe('event: request\ndata: {"id":1}\n\n')
    expect(await read()).toBe('source')
  })

  it('keeps one of neighbouring statuses for a client that stalls, and ends where too much waits', async () => {
    const { stream, reader, read, ends } = startStream(() => new Promise(() => undefined))
    for (let i = 0; i < 1_000; i++) stream.send('status', { i, text: 'x'.repeat(10_000) })
    expect(await read()).toContain('"i":999')
    expect(ends).toEqual([])
    for (let i = 0; i < 200; i++) stream.send('request', { i, text: 'x'.repeat(10_000) })
    expect(ends).toEqual(['end'])
    expect((await reader.read()).done).toBe(true)
  })

  it('asks the source only when the client reads, and ends with a signal', async () => {
    let asked = 0
    const { reader, read, stop, ends } = startStream(() => {
      asked++
      return Promise.resolve(bytesOf('x'))
    })
    expect(asked).toBe(0)
    await read()
    expect(asked).toBe(1)
    stop.abort()
    expect((await reader.read()).done).toBe(true)
    expect(ends).toEqual(['end'])
  })
})
