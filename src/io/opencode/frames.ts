import { createParser } from 'eventsource-parser'
import type { OpenCodeEvent } from '../../replies.ts'

/**
 * Returns whether a frame of `/global/event` is a `sync` frame. A `sync` frame repeats a plain frame, so it
 * is not parsed. The start of the payload comes before any text that an agent may have written.
 */
function isSync(data: string): boolean {
  const at = data.indexOf('"payload":')
  return (
    data.startsWith('{"type":"sync"', at + '"payload":'.length) &&
    !data.slice(0, at).includes('"properties":')
  )
}

/**
 * Yields the events of opencode's event stream. Any chunking of the bytes yields the same events; a frame
 * that is not JSON, or no event, is dropped. The events of a chunk are yielded together, because an iteration
 * per event costs more than the event.
 * @remarks Observed in opencode 1.18.33: bare `data:` frames of JSON; those of `/global/event` are wrapped in
 *   `{ directory, project, payload }`.
 */
export async function* readFrames(
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<readonly OpenCodeEvent[], void, void> {
  const decoder = new TextDecoder()
  let events: OpenCodeEvent[] = []
  const parser = createParser({
    onEvent: ({ data }) => {
      const event = isSync(data) ? undefined : parseFrame(data)
      if (event) events.push(event)
    },
  })
  for await (const chunk of bytes) {
    parser.feed(decoder.decode(chunk, { stream: true }))
    if (events.length === 0) continue
    const ready = events
    events = []
    yield ready
  }
}

function parseFrame(data: string): OpenCodeEvent | undefined {
  try {
    const frame = JSON.parse(data) as { payload?: unknown } | null
    const event = frame !== null && typeof frame === 'object' && 'payload' in frame ? frame.payload : frame
    return isEvent(event) ? event : undefined
  } catch {
    return undefined
  }
}

function isEvent(value: unknown): value is OpenCodeEvent {
  if (typeof value !== 'object' || value === null) return false
  const { type, properties } = value as Partial<OpenCodeEvent>
  return (
    typeof type === 'string' &&
    type !== 'sync' &&
    typeof properties === 'object' &&
    (properties as unknown) !== null
  )
}
