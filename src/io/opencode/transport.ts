import type { Agent, Dispatcher } from 'undici'
import { loadHttp } from './load-http.ts'

/** Where a server is, and how to be let in. */
export interface Endpoint {
  baseURL: string
  username: string
  password: string | undefined
}

/** The server answered, but not with success. `message` is its own, one line. */
export class HttpError extends Error {
  override readonly name = 'HttpError'
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** The server answered with success, but with unexpected content: it may be another server. */
export class UnexpectedAnswerError extends Error {
  override readonly name = 'UnexpectedAnswerError'
}

/** A request. */
export interface Call {
  method?: Dispatcher.HttpMethod
  query?: Record<string, string>
  /** The directory that the call is about; `undefined` or empty: the one in which the server was started. */
  directory?: string | undefined
  /** Sent as JSON. */
  body?: unknown
  signal?: AbortSignal | undefined
  /** On a connection of its own, closed at once. */
  isAlone?: boolean
}

/** Loads undici and opens the connections to a server. */
async function openAgents() {
  const { Agent, request } = await loadHttp()
  return {
    Agent,
    request,
    agent: new Agent({ connect: { timeout: 10_000 } }),
    // The default body timeout would cut the stream at 300 s; heartbeats show whether it lives.
    streams: new Agent({ bodyTimeout: 0, headersTimeout: 30_000 }),
  }
}

/**
 * HTTP to a server, as its user. Everything rejects with {@link HttpError} for an answer that is no success, and with
 * undici's error where there is none; with HostFaultError where undici cannot be loaded, which the next call tries again.
 * Credentials stay in private fields.
 */
export class Transport {
  readonly baseURL: string
  readonly #authorization: string | undefined
  #agents: ReturnType<typeof openAgents> | undefined
  #isClosed = false

  constructor({ baseURL, username, password }: Endpoint) {
    this.baseURL = baseURL
    this.#authorization =
      password === undefined
        ? undefined
        : `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
    // Whoever asks is told.
    this.#open().catch(() => undefined)
  }

  /** What a call is answered, as JSON; `undefined` where the answer is none. */
  async json(path: string, call: Call = {}): Promise<unknown> {
    const { Agent, agent: shared } = await this.#open()
    if (call.isAlone !== true) return this.#json(path, call, shared)
    const agent = new Agent({ pipelining: 0, connections: 1 })
    try {
      return await this.#json(path, call, agent)
    } finally {
      void agent.destroy()
    }
  }

  /** The bytes of an event stream, once the server has taken the request. */
  async stream(path: string, signal: AbortSignal): Promise<Dispatcher.ResponseData['body']> {
    const { request, streams } = await this.#open()
    const response = await request(new URL(path, this.baseURL), {
      dispatcher: streams,
      headers: { accept: 'text/event-stream', ...this.#auth() },
      signal,
    })
    if (response.statusCode !== 200) throw await failure(response, `GET ${path}`)
    return response.body
  }

  /** Closes every connection at once. */
  close(): void {
    this.#isClosed = true
    const destroyed = this.#agents?.then(({ agent, streams }) =>
      Promise.all([agent.destroy(), streams.destroy()]),
    )
    destroyed?.catch(() => undefined)
  }

  /** Opens the connections once; again after a failure. */
  #open(): ReturnType<typeof openAgents> {
    if (this.#agents) return this.#agents
    if (this.#isClosed) return Promise.reject(new Error('The connections to the server are closed'))
    const agents = openAgents()
    this.#agents = agents
    agents.catch(() => {
      this.#agents = undefined
    })
    return agents
  }

  #auth(): Record<string, string> {
    return this.#authorization === undefined ? {} : { authorization: this.#authorization }
  }

  async #json(path: string, call: Call, dispatcher: Agent): Promise<unknown> {
    const { request } = await this.#open()
    const { method = 'GET', query = {}, directory, body, signal } = call
    const url = new URL(path, this.baseURL)
    for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value)
    const response = await request(url, {
      dispatcher,
      method,
      headers: {
        ...this.#auth(),
        ...directoryHeader(directory),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    })
    if (response.statusCode < 200 || response.statusCode > 299)
      throw await failure(response, `${method} ${path}`)
    return parseJson(await response.body.text())
  }
}

/**
 * Returns the header that names a directory.
 *
 * @remarks Observed in opencode 1.18.33: the header is decoded once; a query is decoded once more than HTTP does, so that
 * `a%2Fb` would arrive as `a/b`.
 */
const directoryHeader = (directory = ''): Record<string, string> =>
  directory === '' ? {} : { 'x-opencode-directory': encodeURIComponent(directory) }

/** What an answer says, whatever it calls itself; with auth, any unknown path answers 200 with HTML: that says nothing. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

/** What the server says of its refusal: `{ name, data: { message } }` or `{ error }`, else the status. */
async function failure(response: Dispatcher.ResponseData, what: string): Promise<HttpError> {
  const text = await response.body.text().catch(() => '')
  return new HttpError(response.statusCode, messageOf(text) ?? `${what} answered ${response.statusCode}`)
}

function messageOf(text: string): string | undefined {
  type Refusal = { data?: { message?: unknown }; message?: unknown; name?: unknown }
  const body = (parseJson(text) ?? {}) as Refusal
  const message = body.data?.message ?? body.message ?? body.name
  return typeof message === 'string' ? message.replace(/\s+/g, ' ') : undefined
}
