import fc from 'fast-check'
import { expect, it } from 'vitest'
import { frameOf } from '../../../../src/gateway/http/event-stream.ts'
import { messagesOf } from '../../../../web/src/live/sse.ts'

it('the events of the gateway are read whole, however their bytes are cut', async () => {
  const event = fc.record({ event: fc.constantFrom('reply', 'status'), data: fc.jsonValue(), id: fc.nat() })
  const cuts = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 })
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 5 }), cuts, async (events, sizes) => {
      const frames = events.map(({ event: name, data, id }) => `: keep-alive\n\n${frameOf(name, data, id)}`)
      const bytes = new TextEncoder().encode(`${frames.join('')}event: half\ndata: 1\n`)
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          for (let at = 0, i = 0; at < bytes.length; i += 1) {
            const size = sizes[i % sizes.length] ?? 1
            controller.enqueue(bytes.slice(at, at + size))
            at += size
          }
          controller.close()
        },
      })
      const read = []
      for await (const messages of messagesOf(body)) read.push(...messages)
      expect(read).toEqual(
        events.map(({ event: name, data, id }) => ({
          event: name,
          data: JSON.stringify(data),
          id: String(id),
        })),
      )
    }),
  )
})
