import type { OpenCodeClient } from '../io/client.ts'
import { onAbort } from '../abort-signal.ts'
import type { Admission } from './admission.ts'

/** What a session is created with. */
export interface LaneOptions {
  key: string
  sessionId?: string | undefined
  directory?: string | undefined
  title?: string | undefined
  agent?: string | undefined
}

/** Where a session works, and what it is called, where the lane does not say; and where it may work. */
export interface LaneTerms {
  directory: string | undefined
  title: string
  /** Rejects for a directory that may not be worked in; asked before the server is told to work there. */
  admit: Admission
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
   * does not exist, and with `InvalidOptionsError` where its directory is not admitted: that is asked each time, as a
   * server that was restarted loads the directory anew.
   */
  async open(client: OpenCodeClient, terms: LaneTerms, signal: AbortSignal): Promise<string> {
    if (this.sessionId !== undefined && this.#known) {
      await terms.admit(this.directory)
      return this.sessionId
    }
    signal.throwIfAborted()
    this.#opening ??= this.#find(client, terms).finally(() => (this.#opening = undefined))
    return waitFor(this.#opening, signal)
  }

  async #find(client: OpenCodeClient, { directory, title, admit }: LaneTerms): Promise<string> {
    const wanted = this.directory ?? directory
    const isNew = this.sessionId === undefined
    if (isNew) await admit(wanted)
    const session =
      this.sessionId === undefined
        ? await client.createSession(wanted, this.title ?? title)
        : // Loads nothing of the session's directory (opencode 1.18.33).
          await client.session(this.sessionId)
    this.sessionId ??= session?.id
    this.directory = session?.directory ?? wanted
    this.#known = true
    if (this.sessionId === undefined) throw new Error('The server made no session')
    if (!isNew) await admit(this.directory)
    return this.sessionId
  }
}

function waitFor<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = onAbort(signal, () => reject(signal.reason as Error))
    promise.then(resolve, reject).finally(leave)
  })
}
