import type { Reply } from '../../src/index.ts'

/** Reply of a gateway, with its number. */
export type NumberedReply = Reply & { seq: number; at?: number }

/** Server-sent event. */
export interface ServerEvent {
  event: string
  id?: string
  data: never
}

/** Open stream of a gateway, read piece by piece. */
export class GatewayReader<T> implements AsyncDisposable {
  readonly response: Response
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  readonly #abort: AbortController
  readonly #split: (text: string) => { items: T[]; rest: string }
  readonly #decoder = new TextDecoder()
  #items: T[] = []
  #rest = ''

  constructor(
    response: Response,
    abort: AbortController,
    split: (text: string) => { items: T[]; rest: string },
  ) {
    if (!response.body) throw new Error(`No body: ${response.status}`)
    this.response = response
    this.#reader = response.body.getReader() as ReadableStreamDefaultReader<Uint8Array>
    this.#abort = abort
    this.#split = split
  }

  /** Resolves with the next item; `undefined` at the end of the stream. */
  async next(): Promise<T | undefined> {
    while (this.#items.length === 0) {
      const { done, value } = await this.#reader.read()
      if (done) return undefined
      const { items, rest } = this.#split(this.#rest + this.#decoder.decode(value, { stream: true }))
      this.#items = items
      this.#rest = rest
    }
    return this.#items.shift()
  }

  /** Resolves with the first item that fits. */
  async until(fits: (item: T) => boolean): Promise<T> {
    for (let item = await this.next(); item !== undefined; item = await this.next())
      if (fits(item)) return item
    throw new Error('The stream has ended')
  }

  /** Resolves with all items to the end. */
  async rest(): Promise<T[]> {
    const all: T[] = []
    for (let item = await this.next(); item !== undefined; item = await this.next()) all.push(item)
    return all
  }

  /** Goes away, as a client whose connection breaks. */
  leave(): void {
    this.#abort.abort()
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.leave()
    return Promise.resolve()
  }
}

/** Request of a stream. */
interface Asked {
  url: string
  token: string | undefined
  method?: string
  body?: unknown
  headers?: Record<string, string>
}

async function ask({ url, token, method = 'GET', body, headers = {} }: Asked, accept: string) {
  const abort = new AbortController()
  const response = await fetch(url, {
    method,
    signal: abort.signal,
    headers: {
      accept,
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  return { response, abort }
}

/** Opens a stream of replies as lines. */
export async function openLines(asked: Asked): Promise<GatewayReader<NumberedReply>> {
  const { response, abort } = await ask(asked, 'application/x-ndjson')
  return new GatewayReader(response, abort, (text) => {
    const lines = text.split('\n')
    const rest = lines.pop() ?? ''
    return { items: lines.map((line) => JSON.parse(line) as NumberedReply), rest }
  })
}

/** Opens a stream of server-sent events. */
export async function openEvents(asked: Asked): Promise<GatewayReader<ServerEvent>> {
  const { response, abort } = await ask(asked, 'text/event-stream')
  return new GatewayReader(response, abort, (text) => {
    const frames = text.split('\n\n')
    const rest = frames.pop() ?? ''
    return { items: frames.flatMap(eventOf), rest }
  })
}

function eventOf(frame: string): ServerEvent[] {
  const fields = new Map(
    frame.split('\n').flatMap((line) => {
      const at = line.indexOf(': ')
      return at > 0 ? [[line.slice(0, at), line.slice(at + 2)] as const] : []
    }),
  )
  const [event, id, data] = [fields.get('event'), fields.get('id'), fields.get('data')]
  if (event === undefined || data === undefined) return []
  return [{ event, data: JSON.parse(data) as never, ...(id !== undefined && { id }) }]
}
