/** Server-sent event. */
export interface Message {
  event: string | undefined
  id: string | undefined
  data: string
}

/**
 * Reads server-sent events as they come: the events of each chunk together. A chunk without an event yields an empty
 * list, which shows that the connection lives.
 */
export async function* messagesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<readonly Message[]> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let rest = ''
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      // Only complete events count, because the rest of an event comes again after a break.
      const blocks = `${rest}${decoder.decode(read.value, { stream: true })}`.split('\n\n')
      rest = blocks.pop() ?? ''
      yield blocks.flatMap(messageOf)
    }
  } finally {
    reader.cancel().catch(() => undefined)
  }
}

/** Returns the event of its lines, as the gateway writes them: each ends with a line feed. A comment is no event. */
function messageOf(block: string): Message[] {
  const message: Message = { event: undefined, id: undefined, data: '' }
  for (const line of block.split('\n')) {
    const [, name, value = ''] = /^(event|id|data): (.*)$/.exec(line) ?? []
    if (name === 'event' || name === 'id' || name === 'data') message[name] = value
  }
  return message.event === undefined ? [] : [message]
}
