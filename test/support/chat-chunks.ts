import { GatewayReader } from './gateway-reader.ts'

/** Chunk of a chat completion, as far as tests look into it. */
export interface Chunk {
  /** Missing in the chunk of a failure. */
  choices?: { delta: { content?: string }; finish_reason: string | null }[]
  x_opencode?: object
}

/** Data of an event: a chunk, or the mark of the end. */
export type ChunkData = Chunk | '[DONE]'

/** Opens the stream of a chat completion. */
export async function openChunks(asked: {
  url: string
  token: string
  body: object
  headers?: Record<string, string>
}) {
  const abort = new AbortController()
  const response = await fetch(asked.url, {
    method: 'POST',
    signal: abort.signal,
    headers: {
      authorization: `Bearer ${asked.token}`,
      'content-type': 'application/json',
      ...asked.headers,
    },
    body: JSON.stringify(asked.body),
  })
  return new GatewayReader<ChunkData>(response, abort, (text) => {
    const frames = text.split('\n\n')
    const rest = frames.pop() ?? ''
    return { items: frames.flatMap(dataOf), rest }
  })
}

function dataOf(frame: string): ChunkData[] {
  const data = /^data: (.*)$/s.exec(frame)?.[1]
  if (data === undefined) return []
  return [data === '[DONE]' ? data : (JSON.parse(data) as Chunk)]
}

/** Returns the text of the chunks. */
export const textOfChunks = (chunks: readonly ChunkData[]): string =>
  chunks.map((chunk) => (chunk === '[DONE]' ? '' : (chunk.choices?.[0]?.delta.content ?? ''))).join('')
