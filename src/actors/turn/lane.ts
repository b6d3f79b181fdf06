import type { OpenCodeClient } from '../../io/opencode/client.ts'
import { onAbort } from '../../util/abort-signal.ts'
import type { NamedDirectory } from '../../io/home/real-directory.ts'
import { createSession } from '../server/create-session.ts'
import type { DirectoryPolicy } from '../server/directory-policy.ts'

/** What a session is created with. */
export interface LaneOptions {
  key: string
  sessionId?: string | undefined
  named?: NamedDirectory | undefined
  title?: string | undefined
  agent?: string | undefined
}

/** Where a session works, and what it is called, where the lane does not say; and where it may work. */
export interface LaneTerms {
  named: NamedDirectory | undefined
  title: string
  policy: DirectoryPolicy
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
  /** The session's directory, as the policy resolved it for the last prompt. */
  directory: string | undefined
  /** Turns of the lane that are not done. */
  turns = 0
  readonly #named: NamedDirectory | undefined
  /** The session's directory, as the server reports it; known once the session was created or looked up. */
  #own: NamedDirectory | undefined
  #known = false
  #opening: Promise<string> | undefined

  constructor({ key, sessionId, named, title, agent }: LaneOptions) {
    this.key = key
    this.sessionId = sessionId
    this.#named = named
    this.title = title
    this.agent = agent
  }

  /**
   * The session's id: created in the directory, or looked up, since its requests are answered in its own directory only.
   * Those who ask at once share one answer; `signal` ends only the wait. Rejects with `HttpError` 404 for a session that
   * does not exist, and with `InvalidOptionsError` where its directory may not be worked in: that is asked each time, as a
   * server that was restarted loads the directory anew.
   */
  async open(client: OpenCodeClient, terms: LaneTerms, signal: AbortSignal): Promise<string> {
    if (this.sessionId !== undefined && this.#known) {
      await this.#enter(terms.policy)
      return this.sessionId
    }
    signal.throwIfAborted()
    this.#opening ??= this.#find(client, terms).finally(() => (this.#opening = undefined))
    return waitFor(this.#opening, signal)
  }

  /**
   * Resolves with the session's directory, as the server reports it; loads nothing from it if the policy guards directories.
   * Rejects with `HttpError` 404 for a session that does not exist.
   */
  async locate(client: OpenCodeClient, policy: DirectoryPolicy): Promise<string | undefined> {
    if (this.#known || this.sessionId === undefined) return this.#own?.directory
    const session = await client.session(this.sessionId, policy.base)
    return session?.directory
  }

  async #find(client: OpenCodeClient, terms: LaneTerms): Promise<string> {
    const { policy, title } = terms
    if (this.sessionId === undefined) {
      const named = this.#named ?? terms.named
      const session = await createSession({ client, policy, named, title: this.title ?? title })
      this.sessionId = session.id
      this.#know(session.directory)
      this.directory = session.directory
    } else {
      const directory = await this.locate(client, policy)
      this.#know(directory ?? (this.#named ?? terms.named)?.directory)
      await this.#enter(policy)
    }
    return this.sessionId
  }

  #know(directory: string | undefined): void {
    this.#own = directory === undefined ? undefined : { input: 'directory of the session', directory }
    this.#known = true
  }

  async #enter(policy: DirectoryPolicy): Promise<void> {
    this.directory = this.#own && (await policy.resolve(this.#own))
  }
}

function waitFor<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = onAbort(signal, () => reject(signal.reason as Error))
    promise.then(resolve, reject).finally(leave)
  })
}
