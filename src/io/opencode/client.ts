import type { OpenCodeEvent } from '../../replies.ts'
import { isDecodable } from './directory-name.ts'
import { readFrames } from './frames.ts'
import { Transport, UnexpectedAnswerError, type Call, type Endpoint } from './transport.ts'

export { HttpError, UnexpectedAnswerError, type Endpoint } from './transport.ts'

/** A part of a prompt (opencode 1.18.33, `POST /session/{id}/prompt_async`). */
export type PromptPart =
  { type: 'text'; text: string } | { type: 'file'; mime: string; url: string; filename?: string }

/** The body of a prompt. */
export interface Prompt {
  messageID: string
  model?: { providerID: string; modelID: string }
  agent?: string | undefined
  system?: string | undefined
  parts: PromptPart[]
}

/** A session and the directory it works in. */
export interface SessionInfo {
  id: string
  directory: string | undefined
}

/** A frame of the event stream. */
export type Frame = OpenCodeEvent

/**
 * opencode's HTTP API, the part that a runtime needs (opencode 1.18.33). Every method rejects with {@link HttpError}
 * for an answer that is no success, and with undici's error where there is none. Credentials stay in private fields.
 */
export class OpenCodeClient {
  readonly #transport: Transport
  readonly #isOurs: boolean

  /** @param isOurs - whether the server is one that this process manages: then no request loads a directory that the request does not name */
  constructor(endpoint: Endpoint, isOurs = false) {
    this.#transport = new Transport(endpoint)
    this.#isOurs = isOurs
  }

  get baseURL(): string {
    return this.#transport.baseURL
  }

  /**
   * Asks for health on a connection of its own: one that the server accepted too early is never answered.
   * Only the body counts: with auth, any unknown path answers 200 with HTML. Answers the server's version.
   */
  async health(signal: AbortSignal): Promise<string | undefined> {
    const body = await this.#transport.json('/global/health', { signal, isAlone: true })
    const { healthy, version } = (body ?? {}) as { healthy?: unknown; version?: unknown }
    if (healthy !== true)
      throw new UnexpectedAnswerError('GET /global/health did not answer { healthy: true }')
    return typeof version === 'string' ? version : undefined
  }

  /** Reads the config: 400 where it is broken, which health does not show. */
  async config(directory: string, signal: AbortSignal): Promise<void> {
    const body = await this.#transport.json('/config', { directory, signal })
    if (body === undefined) throw new UnexpectedAnswerError('GET /config did not answer JSON')
  }

  /** Without a title the server asks the model for one, at a cost that it counts nowhere. */
  async createSession(
    directory: string | undefined,
    title: string,
    signal?: AbortSignal,
  ): Promise<SessionInfo> {
    const call: Call = { method: 'POST', directory, body: { title }, signal }
    const session = sessionInfo(await this.#transport.json('/session', call))
    if (!session) throw new Error('POST /session answered no id')
    return session
  }

  async prompt(
    sessionId: string,
    directory: string | undefined,
    prompt: Prompt,
    signal?: AbortSignal,
  ): Promise<void> {
    const path = this.#pathOf(sessionId, directory, '/prompt_async')
    await this.#transport.json(path, { method: 'POST', directory, body: prompt, signal })
  }

  /** Prompts, and answers once the turn has ended: with its last message (opencode 1.18.33, `POST /session/{id}/message`). */
  promptAndWait(
    sessionId: string,
    directory: string | undefined,
    prompt: Omit<Prompt, 'messageID'>,
    signal?: AbortSignal,
  ): Promise<unknown> {
    const path = this.#pathOf(sessionId, directory, '/message')
    return this.#transport.json(path, { method: 'POST', directory, body: prompt, signal })
  }

  async abort(sessionId: string, directory: string | undefined, signal?: AbortSignal): Promise<void> {
    const path = this.#pathOf(sessionId, directory, '/abort')
    await this.#transport.json(path, { method: 'POST', directory, body: {}, signal })
  }

  /** Puts a session back to before a message; its next prompt then removes what came after (opencode 1.18.33). */
  async revert(
    sessionId: string,
    directory: string | undefined,
    messageID: string,
    signal?: AbortSignal,
  ): Promise<void> {
    const path = this.#pathOf(sessionId, directory, '/revert')
    await this.#transport.json(path, { method: 'POST', directory, body: { messageID }, signal })
  }

  async deleteSession(sessionId: string, directory: string | undefined, signal?: AbortSignal): Promise<void> {
    await this.#transport.json(this.#pathOf(sessionId, directory), { method: 'DELETE', directory, signal })
  }

  /** Resolves with a session and its directory, which is `undefined` if the server does not report it. The request names `directory`. */
  async session(
    sessionId: string,
    directory: string | undefined,
    signal?: AbortSignal,
  ): Promise<SessionInfo | undefined> {
    return sessionInfo(await this.#transport.json(this.#pathOf(sessionId, directory), { directory, signal }))
  }

  /**
   * The sessions whose titles hold a text, of all directories of the same project (opencode 1.18.33, `GET /session?search=`;
   * outside of git all directories are one project).
   */
  findSessions(directory: string | undefined, text: string, signal?: AbortSignal): Promise<unknown> {
    return this.#transport.json('/session', { directory, query: { search: text }, signal })
  }

  /** Busy and retrying sessions of a directory; idle ones are absent. */
  status(directory: string | undefined, signal?: AbortSignal): Promise<unknown> {
    return this.#transport.json('/session/status', { directory, signal })
  }

  messages(sessionId: string, directory: string | undefined, signal?: AbortSignal): Promise<unknown> {
    return this.#transport.json(this.#pathOf(sessionId, directory, '/message'), { directory, signal })
  }

  /** Pending permission and question requests of a directory, in one list. */
  async requests(directory: string | undefined, signal?: AbortSignal): Promise<unknown[]> {
    const call = { directory, signal }
    const lists = await Promise.all([
      this.#transport.json('/permission', call),
      this.#transport.json('/question', call),
    ])
    return lists.flatMap((list) => (Array.isArray(list) ? (list as unknown[]) : []))
  }

  async replyPermission(
    id: string,
    directory: string | undefined,
    body: { reply: string; message?: string },
    signal?: AbortSignal,
  ) {
    await this.#transport.json(`/permission/${encodeURIComponent(id)}/reply`, {
      method: 'POST',
      directory,
      body,
      signal,
    })
  }

  async replyQuestion(id: string, directory: string | undefined, answers: string[][], signal?: AbortSignal) {
    await this.#transport.json(`/question/${encodeURIComponent(id)}/reply`, {
      method: 'POST',
      directory,
      body: { answers },
      signal,
    })
  }

  async rejectQuestion(id: string, directory: string | undefined, signal?: AbortSignal) {
    await this.#transport.json(`/question/${encodeURIComponent(id)}/reject`, {
      method: 'POST',
      directory,
      body: {},
      signal,
    })
  }

  /**
   * Has the server say something on its event stream: an empty text for a terminal's prompt, which changes nothing.
   * Answers whether it will.
   */
  async nudge(directory: string | undefined, signal: AbortSignal): Promise<boolean> {
    const call: Call = { method: 'POST', directory, body: { text: '' }, signal }
    return (await this.#transport.json('/tui/append-prompt', call)) === true
  }

  /** Ends bash tools and MCP servers of every directory. */
  async dispose(signal: AbortSignal): Promise<void> {
    await this.#transport.json('/global/dispose', { method: 'POST', body: {}, signal })
  }

  /**
   * The events of all directories, unwrapped, as they come, several together, until the stream ends or `signal` aborts.
   * `onAnswer` is called when the server has taken the request, before it says anything.
   *
   * `/global/event` and not `/event`: one stream serves every directory that a turn may name, so that N turns cost N
   * events and not N streams of N. Its extra `sync` frames repeat what the plain ones say, and are dropped unread.
   */
  async *events(signal: AbortSignal, onAnswer: () => void): AsyncGenerator<readonly Frame[], void, void> {
    const body = await this.#transport.stream('/global/event', signal)
    onAnswer()
    yield* readFrames(body)
  }

  /** Closes every connection at once. */
  close(): void {
    this.#transport.close()
  }

  /**
   * Returns the path of a session's route, so that the route runs in the directory that the request names.
   *
   * @remarks Observed in opencode 1.18.33: a route of a session runs in the directory that the session was made in, decoded once more (`a%2Fb`
   * becomes `a/b`), and loads that one with its plugins, also to answer `GET /session/{id}`. What the request names counts only where the text of
   * the path is no session's id; the route itself decodes the path, so that an id with one character escaped is the same session.
   */
  #pathOf(sessionId: string, directory = '', route = ''): string {
    const id = encodeURIComponent(sessionId)
    const names = directory !== '' && (this.#isOurs || isDecodable(directory))
    return `/session/${names ? withEscape(id) : id}${route}`
  }
}

/** Returns a session's id with its fourth character escaped: opencode refuses an id that does not begin with `ses`. */
const withEscape = (id: string): string =>
  id.replace(/^ses([^%])/, (_, character: string) => `ses%${character.charCodeAt(0).toString(16)}`)

function sessionInfo(value: unknown): SessionInfo | undefined {
  const { id, directory } = (value ?? {}) as { id?: unknown; directory?: unknown }
  if (typeof id !== 'string') return undefined
  return { id, directory: typeof directory === 'string' ? directory : undefined }
}
