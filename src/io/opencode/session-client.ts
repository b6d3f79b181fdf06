import { sessionPath } from './session-path.ts'
import {
  noteMetadata,
  parseChanges,
  parseSession,
  type WireChange,
  type WireSession,
} from './session-wire.ts'
import { asList } from './wire.ts'
import { UnexpectedAnswerError, type Call, type Transport } from './transport.ts'

/** Filter of a list of sessions. */
export interface SessionFilter {
  limit: number
  /** Text that the titles contain. */
  search?: string | undefined
  /** Time in epoch ms; only sessions that were last changed before that time. */
  updatedBefore?: number | undefined
}

/** User message that no model answers. */
export interface Note {
  messageId: string
  text: string
  agent: string | undefined
}

/** Session, and the directory that a request about it names. */
export interface SessionAt {
  sessionId: string
  directory: string | undefined
}

/** Calls of opencode's HTTP API about sessions as such. The errors are those of the client. */
export class SessionClient {
  readonly #transport: Transport
  readonly #isOurs: boolean

  constructor(transport: Transport, isOurs: boolean) {
    this.#transport = transport
    this.#isOurs = isOurs
  }

  /**
   * Resolves with the sessions of all directories, the latest changed first, without child sessions.
   * @remarks Observed in opencode 1.18.33: `GET /experimental/session`; `GET /session` lists one project only.
   */
  async list(
    filter: SessionFilter,
    directory: string | undefined,
    signal: AbortSignal,
  ): Promise<WireSession[]> {
    const { limit, search, updatedBefore } = filter
    const query = {
      roots: 'true',
      limit: String(limit),
      ...(search !== undefined && { search }),
      ...(updatedBefore !== undefined && { cursor: String(updatedBefore) }),
    }
    const answer = await this.#transport.json('/experimental/session', { directory, query, signal })
    return asList(answer).flatMap((entry) => parseSession(entry) ?? [])
  }

  async read(session: SessionAt, signal: AbortSignal): Promise<WireSession> {
    return known(await this.#call(session, '', { signal }))
  }

  /** Resolves with the ids of a session's child sessions. */
  async children(session: SessionAt, signal: AbortSignal): Promise<string[]> {
    const answer = await this.#call(session, '/children', { signal })
    return asList(answer).flatMap((entry) => parseSession(entry)?.id ?? [])
  }

  /** Resolves with a new session that holds the messages before `messageId`, or all messages. */
  async fork(session: SessionAt, messageId: string | undefined, signal: AbortSignal): Promise<WireSession> {
    return known(
      await this.#call(session, '/fork', { method: 'POST', body: { messageID: messageId }, signal }),
    )
  }

  /** Puts back what a revert has taken back. */
  async unrevert(session: SessionAt, signal: AbortSignal): Promise<WireSession> {
    return known(await this.#call(session, '/unrevert', { method: 'POST', body: {}, signal }))
  }

  /**
   * Adds a user message that no model answers.
   * @remarks Observed in opencode 1.18.33: `POST /session/{id}/message` with `noReply` answers when the message is
   *   stored. A second request with the same id adds the text a second time.
   */
  async note(session: SessionAt, note: Note, signal: AbortSignal): Promise<void> {
    const { messageId: messageID, text, agent } = note
    const parts = [{ type: 'text', text, metadata: noteMetadata }]
    const body = { messageID, agent, noReply: true, parts }
    await this.#call(session, '/message', { method: 'POST', body, signal })
  }

  async rename(session: SessionAt, title: string, signal: AbortSignal): Promise<void> {
    await this.#call(session, '', { method: 'PATCH', body: { title }, signal })
  }

  /** Replaces the session's context by a summary. Resolves when the model has written the summary. */
  async compact(
    session: SessionAt,
    model: { providerId: string; modelId: string },
    signal: AbortSignal,
  ): Promise<void> {
    const body = { providerID: model.providerId, modelID: model.modelId, auto: false }
    await this.#call(session, '/summarize', { method: 'POST', body, signal })
  }

  async removeMessage(session: SessionAt, messageId: string, signal: AbortSignal): Promise<void> {
    await this.#call(session, `/message/${encodeURIComponent(messageId)}`, { method: 'DELETE', signal })
  }

  /** Resolves with the changes of files since a user message, up to the next user message. */
  async changes(session: SessionAt, messageId: string, signal: AbortSignal): Promise<WireChange[]> {
    const query = { messageID: messageId }
    return parseChanges(await this.#call(session, '/diff', { query, signal }))
  }

  #call({ sessionId, directory }: SessionAt, route: string, call: Call): Promise<unknown> {
    const path = sessionPath(sessionId, { directory, route, isOurs: this.#isOurs })
    return this.#transport.json(path, { directory, ...call })
  }
}

/** Returns the session of an answer. */
function known(answer: unknown): WireSession {
  const session = parseSession(answer)
  if (!session) throw new UnexpectedAnswerError('The server did not answer with a session')
  return session
}
