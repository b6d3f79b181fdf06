import type { OpenCodeClient } from '../../io/opencode/client.ts'
import { onAbort } from '../../util/abort-signal.ts'
import type { NamedDirectory } from '../../io/home/real-directory.ts'
import { createSession } from '../server/create-session.ts'
import type { DirectoryPolicy } from '../server/directory-policy.ts'
import { noTool } from './hidden-tools.ts'

/** Options of a conversation's session. */
export interface ConversationOptions {
  key: string
  sessionId?: string | undefined
  named?: NamedDirectory | undefined
  title?: string | undefined
  agent?: string | undefined
}

/** Directory and title for a conversation that has none of its own, and the policy of allowed directories. */
export interface SessionTerms {
  named: NamedDirectory | undefined
  title: string
  policy: DirectoryPolicy
}

/**
 * Conversation: one opencode session, created on first use. The turns of a conversation run one after
 * another.
 *
 * @remarks Observed in opencode: a busy session merges prompts.
 */
export class Conversation {
  readonly key: string
  readonly agent: string | undefined
  readonly title: string | undefined
  sessionId: string | undefined
  /** Directory of the session, as the policy resolved it for the last prompt. */
  directory: string | undefined
  /** True if the last prompt hid tools, which the session remembers. */
  hidesTools = false
  /** Number of the conversation's turns that are not done. */
  turns = 0
  readonly #named: NamedDirectory | undefined
  /** Directory of the session, as the server reports it; set when the session was created or looked up. */
  #reported: NamedDirectory | undefined
  #isLocated = false
  #opening: Promise<string> | undefined

  constructor({ key, sessionId, named, title, agent }: ConversationOptions) {
    this.key = key
    this.sessionId = sessionId
    this.#named = named
    this.title = title
    this.agent = agent
  }

  /**
   * Resolves with the session's id. Creates the session in its directory, or looks the session up, because
   * the server answers a session's requests only in the session's own directory. Concurrent callers share one
   * request. The policy checks the directory on each call, because a restarted server loads the directory
   * anew.
   *
   * @param signal - ends only the caller's wait
   * @throws HttpError with status 404 if the session does not exist
   * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) if the policy does not allow the directory
   */
  async open(client: OpenCodeClient, terms: SessionTerms, signal: AbortSignal): Promise<string> {
    if (this.sessionId !== undefined && this.#isLocated) {
      await this.#resolveDirectory(terms.policy)
      return this.sessionId
    }
    signal.throwIfAborted()
    this.#opening ??= this.#find(client, terms).finally(() => (this.#opening = undefined))
    return waitFor(this.#opening, signal)
  }

  /**
   * Resolves with the session's directory, as the server reports it. Loads nothing from the directory if the
   * policy guards directories.
   *
   * @throws HttpError with status 404 if the session does not exist
   */
  async locate(client: OpenCodeClient, policy: DirectoryPolicy): Promise<string | undefined> {
    if (this.#isLocated || this.sessionId === undefined) return this.#reported?.directory
    const session = await client.session(this.sessionId, policy.base)
    this.hidesTools = session?.denied?.includes(noTool) ?? false
    return session?.directory
  }

  async #find(client: OpenCodeClient, terms: SessionTerms): Promise<string> {
    const { policy, title } = terms
    if (this.sessionId === undefined) {
      const named = this.#named ?? terms.named
      const session = await createSession({ client, policy, named, title: this.title ?? title })
      this.sessionId = session.id
      this.#setDirectory(session.directory)
      this.directory = session.directory
    } else {
      const directory = await this.locate(client, policy)
      this.#setDirectory(directory ?? (this.#named ?? terms.named)?.directory)
      await this.#resolveDirectory(policy)
    }
    return this.sessionId
  }

  #setDirectory(directory: string | undefined): void {
    this.#reported = directory === undefined ? undefined : { input: 'directory of the session', directory }
    this.#isLocated = true
  }

  async #resolveDirectory(policy: DirectoryPolicy): Promise<void> {
    this.directory = this.#reported && (await policy.resolve(this.#reported))
  }
}

function waitFor<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stopListening = onAbort(signal, () => reject(signal.reason as Error))
    promise.then(resolve, reject).finally(stopListening)
  })
}
