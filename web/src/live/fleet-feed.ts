import { api, ApiError } from '../api/client.ts'
import type { FleetEvent, FleetStatus } from '../api/types.ts'
import { FleetModel } from './fleet-model.ts'
import { JoinedStream, type StreamState } from './joined-stream.ts'
import type { Message } from './sse.ts'
import type { Connection, FeedMessage, StreamItem } from './stream-items.ts'

/** Address of the events, with a status every 2 s, because memory changes without an event. */
const url = '/v1/events?status_ms=2000'

/** Time for which items wait for others, in ms: each message to a page costs more than the items in it. */
const gatherMs = 20

/** Time after which the open requests are read again, in ms, if the gateway did not answer. */
const againMs = 1_000

/** The one stream of a browser, and the pages that read it. It runs while a page reads. */
export class FleetFeed {
  readonly #pages = new Set<(message: FeedMessage) => void>()
  #model = new FleetModel()
  #stream: JoinedStream | undefined
  #connection: Connection = { state: 'connecting', since: Date.now(), attempt: 0 }
  #items: StreamItem[] = []
  #timer: ReturnType<typeof setTimeout> | undefined
  /** Number of the last snapshot: an older list of requests does not count. */
  #snapshots = 0

  /** Adds a page, which gets the fleet as it is, and then each change. Returns the end. */
  join(page: (message: FeedMessage) => void): () => void {
    this.#flush()
    this.#pages.add(page)
    page({ type: 'connection', connection: this.#connection })
    page({ type: 'items', items: this.#model.items() })
    if (!this.#stream) this.#start()
    return () => this.#leave(page)
  }

  /** Connects now: after a login, also of a page whose login has ended before the stream, or when a person asks for it. */
  retry(): void {
    const { state } = this.#connection
    if (state === 'connecting' || state === 'waiting') this.#stream?.retry()
    else this.#start()
  }

  #leave(page: (message: FeedMessage) => void): void {
    this.#pages.delete(page)
    if (this.#pages.size > 0) return
    this.#stream?.stop()
    this.#stream = undefined
    this.#model = new FleetModel()
    this.#items = []
  }

  #start(): void {
    this.#stream?.stop()
    this.#stream = new JoinedStream({
      url,
      onMessages: (messages) => {
        for (const message of messages) this.#take(message)
      },
      onState: (state) => this.#tell(connectionOf(state)),
    }).start()
  }

  #take({ event, data }: Message): void {
    const item = itemOf(event, data)
    if (!item) return
    this.#add(item)
    if (item.type === 'snapshot') void this.#readRequests(++this.#snapshots)
  }

  #add(item: StreamItem): void {
    this.#items.push(item)
    this.#timer ??= setTimeout(() => this.#flush(), gatherMs)
  }

  #flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const items = this.#items
    if (items.length === 0) return
    this.#items = []
    for (const item of items) this.#model.apply(item)
    for (const page of this.#pages) page({ type: 'items', items })
  }

  #tell(connection: Connection): void {
    this.#connection = connection
    this.#flush()
    for (const page of this.#pages) page({ type: 'connection', connection })
  }

  /** Reads the open requests, which the snapshot does not hold. */
  async #readRequests(snapshot: number): Promise<void> {
    try {
      const items = await api.requests()
      if (snapshot === this.#snapshots && this.#stream) this.#add({ type: 'requests', items })
    } catch (error) {
      const isRefused = error instanceof ApiError && error.status >= 400 && error.status < 500
      if (isRefused) return
      setTimeout(() => {
        if (snapshot === this.#snapshots && this.#stream) void this.#readRequests(snapshot)
      }, againMs)
    }
  }
}

/** Returns the item of an event of the stream; `undefined` for an event that changes nothing by itself. */
export function itemOf(event: string | undefined, data: string): StreamItem | undefined {
  if (event === 'gap' || event === undefined) return undefined
  const value: unknown = JSON.parse(data)
  if (event === 'snapshot' || event === 'status') return { type: event, status: value as FleetStatus }
  return value as FleetEvent
}

function connectionOf(stream: StreamState): Connection {
  const since = Date.now()
  switch (stream.state) {
    case 'connecting':
      return { state: 'connecting', since, attempt: stream.attempt }
    case 'live':
      return { state: 'live', since, attempt: 0, clockOffset: stream.clockOffset }
    case 'waiting': {
      const { attempt, retryAt, error } = stream
      return { state: 'waiting', since, attempt: attempt + 1, retryAt, message: error.message }
    }
    case 'refused': {
      const { status, message } = stream.error
      return { state: status === 401 ? 'unauthorized' : 'forbidden', since, attempt: 0, message }
    }
  }
}
