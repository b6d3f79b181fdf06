import type { OpenCodeEvent } from '../../replies.ts'
import { readFrames } from './frames.ts'
import { readMessages } from './message-pages.ts'
import { SessionClient } from './session-client.ts'
import { sessionPath } from './session-path.ts'
import { structuredFormat } from './structured-output.ts'
import { asList, isFields } from './wire.ts'
import { HttpError, Transport, UnexpectedAnswerError, type Call, type Endpoint } from './transport.ts'

export { HttpError, UnexpectedAnswerError, type Endpoint } from './transport.ts'

/**
 * Part of a prompt.
 * @remarks Observed in opencode 1.18.33: `POST /session/{id}/prompt_async`.
 */
export type PromptPart =
  // A synthetic text is not the user's own.
  | { type: 'text'; text: string; synthetic?: true }
  | { type: 'file'; mime: string; url: string; filename?: string }

/** Model and its provider. */
export interface ModelRef {
  providerId: string
  modelId: string
}

/** Prompt of a session. */
export interface Prompt {
  messageId: string
  model?: ModelRef
  agent?: string | undefined
  system?: string | undefined
  /** Tools that the turn hides (`false`). An empty record changes nothing. */
  tools?: Readonly<Record<string, boolean>> | undefined
  variant?: string | undefined
  parts: PromptPart[]
  /** JSON Schema of the answer; `undefined` for an answer in words. */
  answerSchema?: object | undefined
}

/** Session and the directory that it works in. */
export interface SessionPlace {
  id: string
  directory: string | undefined
  /** Permissions that rules of the session itself deny. */
  denied?: readonly string[]
}

/** Frame of the event stream. */
export type Frame = OpenCodeEvent

/**
 * Client of the part of opencode's HTTP API that this package needs (opencode 1.18.33). Every method rejects
 * with {@link HttpError} for an answer without success, and with undici's error if there is no answer.
 * Credentials stay in private fields.
 */
export class OpenCodeClient {
  readonly #transport: Transport
  /** Calls about sessions as such, which belong to no turn. */
  readonly sessions: SessionClient
  readonly #isOurs: boolean

  /**
   * @param isOurs - true if this process manages the server; then no request loads a directory that the
   *   request does not name
   */
  constructor(endpoint: Endpoint, isOurs = false) {
    this.#transport = new Transport(endpoint)
    this.#isOurs = isOurs
    this.sessions = new SessionClient(this.#transport, isOurs)
  }

  get baseURL(): string {
    return this.#transport.baseURL
  }

  /**
   * Returns the server's version if the server is healthy. Each call uses a new connection, because a
   * connection that the server accepted too early is never answered. The body counts, not the status: with
   * auth, any unknown path answers 200 with HTML.
   * @throws UnexpectedAnswerError if the body does not report health
   * @remarks Observed in opencode 1.18.33: no connection of the server's first half second is answered.
   */
  async health(signal: AbortSignal): Promise<string | undefined> {
    const body = await this.#transport.json('/global/health', { signal, isAlone: true })
    const { healthy, version } = (body ?? {}) as { healthy?: unknown; version?: unknown }
    if (healthy !== true)
      throw new UnexpectedAnswerError('GET /global/health did not answer { healthy: true }')
    return typeof version === 'string' ? version : undefined
  }

  /**
   * Checks that the server can read its config. A broken config answers 400, although the health route
   * answers normally.
   * @throws UnexpectedAnswerError if the answer is not JSON
   */
  async config(directory: string, signal: AbortSignal): Promise<void> {
    const body = await this.#transport.json('/config', { directory, signal })
    if (body === undefined) throw new UnexpectedAnswerError('GET /config did not answer JSON')
  }

  /**
   * Creates a session. A title is required: without a title the server asks the model for one, and reports
   * that cost nowhere.
   */
  async createSession(
    directory: string | undefined,
    title: string,
    signal?: AbortSignal,
  ): Promise<SessionPlace> {
    const call: Call = { method: 'POST', directory, body: { title }, signal }
    const session = sessionPlace(await this.#transport.json('/session', call))
    if (!session) throw new Error('POST /session did not answer an id')
    return session
  }

  async prompt(
    sessionId: string,
    directory: string | undefined,
    prompt: Prompt,
    signal?: AbortSignal,
  ): Promise<void> {
    const path = this.#pathOf(sessionId, directory, '/prompt_async')
    await this.#transport.json(path, { method: 'POST', directory, body: promptBody(prompt), signal })
  }

  /**
   * Sends a prompt and resolves with the last message of the turn when the turn has ended.
   * @remarks Observed in opencode 1.18.33: `POST /session/{id}/message`.
   */
  promptAndWait(
    sessionId: string,
    directory: string | undefined,
    prompt: Omit<Prompt, 'messageId'>,
    signal?: AbortSignal,
  ): Promise<unknown> {
    const path = this.#pathOf(sessionId, directory, '/message')
    return this.#transport.json(path, { method: 'POST', directory, body: promptBody(prompt), signal })
  }

  async abort(sessionId: string, directory: string | undefined, signal?: AbortSignal): Promise<void> {
    const path = this.#pathOf(sessionId, directory, '/abort')
    await this.#transport.json(path, { method: 'POST', directory, body: {}, signal })
  }

  /**
   * Reverts a session to the state before a message, and resolves with the session.
   * @remarks Observed in opencode 1.18.33: the session's next prompt removes what came after that state.
   */
  revert(
    sessionId: string,
    directory: string | undefined,
    messageId: string,
    signal?: AbortSignal,
  ): Promise<unknown> {
    const path = this.#pathOf(sessionId, directory, '/revert')
    return this.#transport.json(path, { method: 'POST', directory, body: { messageID: messageId }, signal })
  }

  async deleteSession(sessionId: string, directory: string | undefined, signal?: AbortSignal): Promise<void> {
    await this.#transport.json(this.#pathOf(sessionId, directory), { method: 'DELETE', directory, signal })
  }

  /**
   * Resolves with a session and its directory, which is `undefined` if the server does not report it. The
   * request names `directory`.
   */
  async session(
    sessionId: string,
    directory: string | undefined,
    signal?: AbortSignal,
  ): Promise<SessionPlace | undefined> {
    return sessionPlace(await this.#transport.json(this.#pathOf(sessionId, directory), { directory, signal }))
  }

  /**
   * Resolves with the sessions whose titles hold a text, from all directories of the same project.
   * @remarks Observed in opencode 1.18.33: `GET /session?search=`; outside of git all directories are one
   *   project.
   */
  findSessions(directory: string | undefined, text: string, signal?: AbortSignal): Promise<unknown> {
    return this.#transport.json('/session', { directory, query: { search: text }, signal })
  }

  /** Resolves with the busy and retrying sessions of a directory. Idle sessions are absent. */
  status(directory: string | undefined, signal?: AbortSignal): Promise<unknown> {
    return this.#transport.json('/session/status', { directory, signal })
  }

  /**
   * Resolves with the messages of a session, oldest first: all of them, or at least those since `since`, a
   * message's id, if the server cannot list them all.
   */
  messages(
    sessionId: string,
    directory: string | undefined,
    since: string,
    signal?: AbortSignal,
  ): Promise<unknown> {
    const path = this.#pathOf(sessionId, directory, '/message')
    const read = (query: Record<string, string>) => this.#transport.answer(path, { directory, query, signal })
    return readMessages(read, { sessionId, since })
  }

  /** Resolves with the pending permission and question requests of a directory, in one list. */
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
   * Makes the server emit an event: appends an empty text to a terminal's prompt, which changes nothing.
   * @returns whether the server will emit the event
   */
  async triggerEvent(directory: string | undefined, signal: AbortSignal): Promise<boolean> {
    const call: Call = { method: 'POST', directory, body: { text: '' }, signal }
    return (await this.#transport.json('/tui/append-prompt', call)) === true
  }

  /**
   * Resolves with whether the MCP servers of a directory can no longer be used.
   * @remarks Observed in opencode 1.18.33: `GET /mcp` answers 503 after the first connection was aborted.
   */
  async hasBrokenMcp(directory: string): Promise<boolean> {
    try {
      await this.#transport.json('/mcp', { directory })
      return false
    } catch (error) {
      if (error instanceof HttpError) return error.status === 503
      throw error
    }
  }

  /** Ends the bash tools and MCP servers of a directory; the next request loads the directory anew. */
  async disposeDirectory(directory: string): Promise<void> {
    await this.#transport.json('/instance/dispose', { method: 'POST', directory, body: {} })
  }

  /** Ends the bash tools and MCP servers of every directory. */
  async dispose(signal: AbortSignal): Promise<void> {
    await this.#transport.json('/global/dispose', { method: 'POST', body: {}, signal })
  }

  /**
   * Yields the events of all directories, unwrapped and in batches, in the order of arrival, until the stream
   * ends or `signal` aborts. Uses `/global/event`, not `/event`: one stream serves every directory that a
   * turn may name, so N turns cost N events instead of N streams of N events. The stream's extra `sync`
   * frames repeat the plain frames and are dropped unread.
   * @param onAnswer - called when the server has accepted the request, before the first event
   */
  async *events(signal: AbortSignal, onAnswer: () => void): AsyncGenerator<readonly Frame[], void, void> {
    const body = await this.#transport.stream('/global/event', signal)
    onAnswer()
    yield* readFrames(body)
  }

  /** Closes all connections immediately. */
  close(): void {
    this.#transport.close()
  }

  #pathOf(sessionId: string, directory?: string, route?: string): string {
    return sessionPath(sessionId, { directory, ...(route !== undefined && { route }), isOurs: this.#isOurs })
  }
}

/** Returns the body of a prompt, with the ids as opencode spells them. */
const promptBody = ({ messageId, model, answerSchema, ...rest }: Partial<Prompt>) => ({
  ...rest,
  messageID: messageId,
  model: model && { providerID: model.providerId, modelID: model.modelId },
  format: answerSchema && structuredFormat(answerSchema),
})

function sessionPlace(value: unknown): SessionPlace | undefined {
  const { id, directory, permission } = (value ?? {}) as Record<string, unknown>
  if (typeof id !== 'string') return undefined
  return {
    id,
    directory: typeof directory === 'string' ? directory : undefined,
    denied: deniedBy(permission),
  }
}

/** Returns the permissions that a session's rules deny. */
const deniedBy = (rules: unknown): string[] =>
  asList(rules).flatMap((rule) =>
    isFields(rule) && rule['action'] === 'deny' && typeof rule['permission'] === 'string'
      ? [rule['permission']]
      : [],
  )
