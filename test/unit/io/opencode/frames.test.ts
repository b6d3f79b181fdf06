import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { OpenCodeClient } from '../../../../src/io/opencode/client.ts'
import { readFrames } from '../../../../src/io/opencode/frames.ts'
import type { OpenCodeEvent } from '../../../../src/replies.ts'

async function* bytesOf(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield await Promise.resolve(piece)
}

async function read(...pieces: (string | Uint8Array)[]): Promise<OpenCodeEvent[]> {
  const bytes = pieces.map((piece) => (typeof piece === 'string' ? Buffer.from(piece) : piece))
  const events: OpenCodeEvent[] = []
  for await (const some of readFrames(bytesOf(bytes))) events.push(...some)
  return events
}

const wrapped = (payload: unknown) =>
  `data: ${JSON.stringify({ directory: '/w', project: 'global', payload })}\n\n`
const plain = (payload: unknown) => `data: ${JSON.stringify(payload)}\n\n`

const anyEvent: fc.Arbitrary<OpenCodeEvent> = fc.record({
  id: fc.uuid(),
  type: fc.constantFrom('message.part.delta', 'session.idle', 'unknown.one'),
  properties: fc
    .dictionary(fc.string(), fc.string({ unit: 'binary', maxLength: 40 }))
    .map((fields) => ({ ...fields })),
})

describe('readFrames', () => {
  it('yields the same events for any chunking and any line ends, wrapped or plain', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(anyEvent, fc.boolean()), { maxLength: 12 }),
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 }),
        async (events, lineEnd, sizes) => {
          const text = events
            .map(([event, isWrapped]) => (isWrapped ? wrapped(event) : plain(event)))
            .join('')
          const bytes = Buffer.from(`${text.replaceAll('\n', lineEnd)}: a comment${lineEnd}${lineEnd}`)
          const pieces: Uint8Array[] = []
          for (let at = 0, i = 0; at < bytes.length; i++) {
            const size = sizes[i % sizes.length] ?? 1
            pieces.push(bytes.subarray(at, at + size))
            at += size
          }
          expect(await read(...pieces)).toEqual(
            events.map(([event]) => JSON.parse(JSON.stringify(event)) as unknown),
          )
        },
      ),
    )
  })

  it('drops sync frames, which repeat plain frames', async () => {
    const event = { id: 'e1', type: 'session.idle', properties: { sessionID: 'ses_1' } }
    const sync = { type: 'sync', name: 'session.idle.1', data: event, properties: {} }
    expect(await read(wrapped(sync), wrapped(event), plain(sync))).toEqual([event])
  })

  it('keeps an event that contains a sync frame, wrapped or plain', async () => {
    const input = { payload: { type: 'sync', a: 1 } }
    const event = { id: 'evt_1', type: 'message.part.updated', properties: { part: { state: { input } } } }
    expect(await read(wrapped(event), plain(event))).toEqual([event, event])
  })

  it('keeps an event whose text mentions sync frames', async () => {
    const event = {
      id: 'e1',
      type: 'x',
      properties: { text: '"payload":{"type":"sync","payload":{"type":"sync"' },
    }
    expect(await read(wrapped(event))).toEqual([event])
  })

  it.each([
    ['no JSON', 'data: hello\n\n'],
    ['half a JSON', 'data: {"payload":{"type":"x"\n\n'],
    ['HTML', 'data: <!doctype html>\n\n'],
    ['null', 'data: null\n\n'],
    ['a number', 'data: 7\n\n'],
    ['a list', 'data: [1]\n\n'],
    ['no payload', 'data: {"payload":null}\n\n'],
    ['no type', plain({ properties: {} })],
    ['an invalid type', plain({ type: 7, properties: {} })],
    ['no properties', plain({ type: 'x' })],
    ['null as properties', plain({ type: 'x', properties: null })],
    ['text as properties', plain({ type: 'x', properties: 'y' })],
    ['an empty frame', 'data:\n\n'],
    ['other fields', 'event: x\nid: 1\nretry: 5\n\n'],
    ['unknown fields', 'what: ever\n\n'],
    ['bytes that are not UTF-8', Buffer.from([0x64, 0x61, 0x74, 0x61, 0x3a, 0x20, 0xff, 0xfe, 0x0a, 0x0a])],
  ])('drops a frame that is no event, and continues: %s', async (_, frame) => {
    const event = { type: 'session.idle', properties: {} }
    expect(await read(plain(event), frame, plain(event))).toEqual([event, event])
  })

  it('yields a frame of several megabytes', async () => {
    const event = { type: 'message.part.updated', properties: { text: 'ą'.repeat(3_000_000) } }
    const bytes = Buffer.from(wrapped(event))
    const pieces = Array.from({ length: Math.ceil(bytes.length / 65_536) }, (_, i) =>
      bytes.subarray(i * 65_536, (i + 1) * 65_536),
    )
    expect(await read(...pieces)).toEqual([event])
  })

  it('yields nothing for a frame that the end of the stream cuts', async () => {
    expect(await read('data: {"type":"x","properties":{}}')).toEqual([])
  })
})

describe('OpenCodeClient.events', () => {
  it('reads the stream of all directories with credentials until the signal aborts', async () => {
    const event = { type: 'server.connected', properties: {} }
    const asked: unknown[] = []
    const server = createServer(({ url, headers }, response) => {
      asked.push({ url, authorization: headers.authorization })
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(wrapped(event))
    })
    onTestFinished(() => {
      server.close()
      server.closeAllConnections()
    })
    await new Promise((listening) => server.listen(0, '127.0.0.1', () => listening(undefined)))
    const { port } = server.address() as AddressInfo
    const client = new OpenCodeClient({
      baseURL: `http://127.0.0.1:${port}`,
      username: 'opencode',
      password: 'pw',
    })
    onTestFinished(() => client.close())
    const abort = new AbortController()
    const events = client.events(abort.signal, () => undefined)
    expect(await events.next()).toEqual({ done: false, value: [event] })
    const next = events.next()
    abort.abort()
    await expect(next).rejects.toThrow(/abort/i)
    const authorization = `Basic ${Buffer.from('opencode:pw').toString('base64')}`
    expect(asked).toEqual([{ url: '/global/event', authorization }])
  })
})
