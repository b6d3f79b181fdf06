import type { Agent, Dispatcher } from 'undici'
import { loadHttp } from './load-http.ts'

/** Address and credentials of a server. */
export interface Endpoint {
  baseURL: string
  username: string
  password: string | undefined
}

/** Returns the value of the header `authorization`. */
export const basicAuth = (username: string, password: string): string =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`

/** Error for an answer without success. `message` is the server's own, one line. */
export class HttpError extends Error {
  override readonly name = 'HttpError'
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** Error for an answer with success but unexpected content, which may come from another server. */
export class UnexpectedAnswerError extends Error {
  override readonly name = 'UnexpectedAnswerError'
}

/** Request to a server. */
export interface Call {
  method?: Dispatcher.HttpMethod
  query?: Record<string, string>
  /**
   * Directory of the call. If `undefined` or empty, the server uses the directory in which it was started.
   */
  directory?: string | undefined
  /** Body, sent as JSON. */
  body?: unknown
  signal?: AbortSignal | undefined
  /** True for a connection of its own, which is closed after the call. */
  isAlone?: boolean
}

/** Answer with success. */
interface Answer {
  /** Parsed JSON; `undefined` if the answer is not JSON. */
  body: unknown
  headers: Dispatcher.ResponseData['headers']
}

/** Loads undici and opens the connections to a server. */
async function openAgents() {
  const { Agent, request } = await loadHttp()
  return {
    Agent,
    request,
    agent: new Agent({ connect: { timeout: 10_000 } }),
    // The default body timeout would cut the stream at 300 s. Heartbeats show whether the stream is alive.
    streams: new Agent({ bodyTimeout: 0, headersTimeout: 30_000 }),
  }
}

/**
 * HTTP connections to a server, with its credentials in private fields. Every method rejects with
 * {@link HttpError} for an answer without success, with undici's error if there is no answer, and with
 * HostFaultError if undici cannot be loaded. The next call tries to load undici again.
 */
export class Transport {
  readonly baseURL: string
  readonly #authorization: string | undefined
  #agents: ReturnType<typeof openAgents> | undefined
  #isClosed = false

  constructor({ baseURL, username, password }: Endpoint) {
    this.baseURL = baseURL
    this.#authorization = password === undefined ? undefined : basicAuth(username, password)
    // Each call reports the failure itself.
    this.#open().catch(() => undefined)
  }

  /** Resolves with the answer of a call, parsed from JSON; `undefined` if the answer is not JSON. */
  async json(path: string, call: Call = {}): Promise<unknown> {
    return (await this.answer(path, call)).body
  }

  /** Resolves with the answer of a call and its headers. */
  async answer(path: string, call: Call = {}): Promise<Answer> {
    const { Agent, agent: shared } = await this.#open()
    if (call.isAlone !== true) return this.#answer(path, call, shared)
    const agent = new Agent({ pipelining: 0, connections: 1 })
    try {
      return await this.#answer(path, call, agent)
    } finally {
      void agent.destroy()
    }
  }

  /** Resolves with the bytes of an event stream when the server has accepted the request. */
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

  /** Closes all connections immediately. */
  close(): void {
    this.#isClosed = true
    const destroyed = this.#agents?.then(({ agent, streams }) =>
      Promise.all([agent.destroy(), streams.destroy()]),
    )
    destroyed?.catch(() => undefined)
  }

  /** Opens the connections at the first call, and again after a failure. */
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

  async #answer(path: string, call: Call, dispatcher: Agent): Promise<Answer> {
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
    return { body: parseJson(await response.body.text()), headers: response.headers }
  }
}

/**
 * Returns the header that names a directory.
 * @remarks Observed in opencode 1.18.33: the header is decoded once. A query is decoded once more than HTTP
 *   does, so that `a%2Fb` would arrive as `a/b`.
 */
const directoryHeader = (directory = ''): Record<string, string> =>
  directory === '' ? {} : { 'x-opencode-directory': encodeURIComponent(directory) }

/**
 * Returns the JSON of a text, whatever its content type; `undefined` if the text is not JSON. With auth, any
 * unknown path answers 200 with HTML.
 */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

/**
 * Returns the error of an answer without success. Its message is the answer's `data.message`, `message` or
 * `name`, else a text with the status.
 */
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
