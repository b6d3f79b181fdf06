import type { OpenCodeClient } from '../io/client.ts'

/** What a session is created with. */
export interface LaneOptions {
  key: string
  sessionId?: string | undefined
  directory?: string | undefined
  title?: string | undefined
  agent?: string | undefined
}

/** Where a session works, and what it is called, where the lane does not say. */
interface LaneFallback {
  directory: string | undefined
  title: string
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
  #opening: Promise<string> | undefined

  constructor({ key, sessionId, directory, title, agent }: LaneOptions) {
    this.key = key
    this.sessionId = sessionId
    this.directory = directory
    this.title = title
    this.agent = agent
  }

  /**
   * The session's id: created in the directory, or looked up, since its requests are answered in its own directory only.
   * Those who ask at once share one answer; `signal` ends only the wait. Rejects with `HttpError` 404 for a session that
   * does not exist.
   */
  async open(client: OpenCodeClient, fallback: LaneFallback, signal: AbortSignal): Promise<string> {
    if (this.sessionId !== undefined && this.#known) return this.sessionId
    signal.throwIfAborted()
    this.#opening ??= this.#find(client, fallback).finally(() => (this.#opening = undefined))
    return waitFor(this.#opening, signal)
  }

  async #find(client: OpenCodeClient, fallback: LaneFallback): Promise<string> {
    const wanted = this.directory ?? fallback.directory
    const session =
      this.sessionId === undefined
        ? await client.createSession(wanted, this.title ?? fallback.title)
        : await client.session(this.sessionId)
    this.sessionId ??= session?.id
    this.directory = session?.directory ?? wanted
    this.#known = true
    if (this.sessionId === undefined) throw new Error('The server made no session')
    return this.sessionId
  }
}

function waitFor<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = (): void => reject(signal.reason as Error)
    signal.addEventListener('abort', leave, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave))
  })
}
