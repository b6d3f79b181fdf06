import type { OpenCodeClient } from '../io/client.ts'

/** What a session is created with. */
export interface LaneOptions {
  key: string
  sessionId?: string | undefined
  directory?: string | undefined
  title?: string | undefined
  agent?: string | undefined
}

/**
 * A conversation: one opencode session, created on first use. Its turns run one after another, since a busy session
 * merges prompts (opencode 1.18.33).
 */
export class Lane {
  readonly key: string
  readonly agent: string | undefined
  readonly title: string | undefined
  sessionId: string | undefined
  directory: string | undefined
  /** Turns of the lane that are not done. */
  turns = 0
  #known = false

  constructor({ key, sessionId, directory, title, agent }: LaneOptions) {
    this.key = key
    this.sessionId = sessionId
    this.directory = directory
    this.title = title
    this.agent = agent
  }

  /**
   * The session's id: created in the directory, or looked up, since its requests are answered in its own directory only.
   * Rejects with `HttpError` 404 for a session that does not exist.
   */
  async open(
    client: OpenCodeClient,
    fallback: { directory: string | undefined; title: string },
    signal: AbortSignal,
  ): Promise<string> {
    if (this.sessionId === undefined) {
      const title = this.title ?? fallback.title
      const session = await client.createSession(this.directory ?? fallback.directory, title, signal)
      this.sessionId = session.id
      this.directory = session.directory ?? this.directory ?? fallback.directory
    } else if (!this.#known) {
      const session = await client.session(this.sessionId, signal)
      this.directory = session?.directory ?? this.directory ?? fallback.directory
    }
    this.#known = true
    return this.sessionId
  }
}
