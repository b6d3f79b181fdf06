import { createParser, type EventSourceMessage } from 'eventsource-parser'

/** Server-sent event. */
export type Message = EventSourceMessage

/**
 * Reads server-sent events as they come: the events of each chunk together. A chunk without an event yields an empty
 * list, which shows that the connection lives.
 */
export async function* messagesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<readonly Message[]> {
  let messages: Message[] = []
  const parser = createParser({ onEvent: (message) => messages.push(message) })
  const reader = body.getReader()
  const decoder = new TextDecoder()
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      parser.feed(decoder.decode(read.value, { stream: true }))
      const complete = messages
      messages = []
      yield complete
    }
  } finally {
    reader.cancel().catch(() => undefined)
  }
}
