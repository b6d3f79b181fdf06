import type { Observable } from 'rxjs'
import { clockOf, elapse } from '../actors/clock.ts'
import { turnDirectory } from '../actors/server/directory-policy.ts'
import { Conversation } from '../actors/turn/conversation.ts'
import { runtimeOf, type ServerConnection } from '../actors/runtime.ts'
import { coldTurn } from './cold-turn.ts'
import { ensureRunning } from './ensure-running.ts'
import { OpenCodeRuntimeError, StoppedError } from '../errors.ts'
import { HttpError } from '../io/opencode/client.ts'
import { withoutSecrets } from '../config/masked-error.ts'
import { sessionSchema } from '../config/option-schema.ts'
import type { InferOutput, ObjectSchema } from '../config/schema-types.ts'
import type { Reply } from '../replies.ts'
import { startTurn, type Turn } from './turn.ts'
import type { ServerActorRef } from '../machines/server-machine.ts'
import type { TurnInput } from './turn-input.ts'
import { parse } from '../config/validation.ts'

/** Options of a conversation: the id of an existing session, or the properties of a new session. */
export interface SessionOptions {
  /** Id of an existing session to continue. */
  sessionId?: string
  /**
   * Title of a new session.
   *
   * @defaultValue first line of the first prompt
   */
  title?: string
  /**
   * Absolute path of the working directory of a new session; the directory must exist.
   *
   * @defaultValue the option `directory`
   */
  directory?: string
  /**
   * Agent of the session's turns, such as `build` or `plan`.
   *
   * @defaultValue opencode's default
   */
  agent?: string
}

/** Conversation with an agent. Turns run one after another, in the order of the calls. */
export interface Session {
  /**
   * Session id. A new session is created on the server on first use; reading `id` counts as a use.
   * Rejects with a typed error if the server cannot start.
   */
  readonly id: Promise<string>
  /**
   * Runs a turn of the conversation, after the turns before it. Never throws: a failure becomes the turn's
   * single `error` reply.
   *
   * @param input - The prompt, or all fields of the turn.
   * @returns The handle of the turn.
   */
  turn<S extends ObjectSchema | undefined = undefined>(input: string | TurnInput<S>): Turn<InferOutput<S>>
  /**
   * Returns a cold observable: each subscription runs a turn of the conversation, and unsubscribing cancels it.
   *
   * @param input - The prompt, or all fields of the turn.
   * @returns The replies of a turn per subscription. Never errors.
   */
  turn$(input: string | TurnInput): Observable<Reply>
  /**
   * Aborts the running work of the session, then deletes the session and its child sessions on the server.
   * Does nothing if the session was never used.
   *
   * @throws StoppedError (`ERR_OPENCODE_STOPPED`) if `stop()` or `close()` is called meanwhile.
   * @throws OpenCodeRuntimeError if the server cannot start. Subclasses and codes: see {@link ensureRunning}.
   * @throws Error if the server refuses the request, or does not answer within 30 000 ms.
   */
  delete(): Promise<void>
}

/** Time limit for the server to create or delete a session, in ms. */
const requestTimeoutMs = 30_000
/**
 * Number of checks for the end of a server that broke off a request, and the delay before each check, in ms.
 */
const exitChecks = 10
const exitCheckMs = 50

/**
 * Conversation on a server machine, either this package's or an attached machine.
 *
 * @internal
 */
export class ServerSession implements Session {
  readonly #actor: ServerActorRef
  readonly #conversation: Conversation

  /** @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for a bad option. */
  constructor(actor: ServerActorRef, options: SessionOptions) {
    const { sessionId, directory, ...rest } = parse(sessionSchema, options, 'session option')
    const named = directory === undefined ? undefined : { input: 'session option directory', directory }
    this.#actor = actor
    const runtime = runtimeOf(actor.getSnapshot().context.runtime)
    this.#conversation =
      sessionId === undefined
        ? new Conversation({ key: crypto.randomUUID(), named, ...rest })
        : runtime.conversationOf(sessionId, named)
  }

  get id(): Promise<string> {
    const id = this.#masked(() => this.#open())
    // Callers that await the id still get the error. A host that only prints the session must not crash.
    id.catch(() => undefined)
    return id
  }

  turn<S extends ObjectSchema | undefined = undefined>(input: string | TurnInput<S>): Turn<InferOutput<S>> {
    return startTurn(this.#actor, input, this.#conversation)
  }

  turn$(input: string | TurnInput): Observable<Reply> {
    return coldTurn(() => this.turn(input))
  }

  delete(): Promise<void> {
    return this.#masked(() => this.#delete())
  }

  /** Runs work and masks secrets in its error, because a server's message may contain any text. */
  #masked<T>(work: () => Promise<T>): Promise<T> {
    return withoutSecrets(this.#actor.getSnapshot().context.options.secrets, work)
  }

  async #delete(): Promise<void> {
    const { sessionId } = this.#conversation
    if (sessionId === undefined) return
    await this.#onServer((connection, signal, tries) =>
      this.#deleteOn(connection, sessionId, signal).catch((error: unknown) => {
        // A retry: the previous server may have deleted the session.
        if (tries === 0 || !(error instanceof HttpError) || error.status !== 404) throw error
      }),
    )
  }

  async #deleteOn(connection: ServerConnection, sessionId: string, signal: AbortSignal): Promise<void> {
    const { client, policy } = connection
    const directory = await this.#conversation.locate(client, policy)
    // A busy session that is deleted keeps running and can no longer be aborted (opencode).
    if (await this.#mayRun(connection, directory))
      await client.abort(sessionId, this.#conversation.directory ?? directory, signal)
    await client.deleteSession(sessionId, policy.base, signal)
  }

  /**
   * Returns whether the session may be busy. A session in a directory that is not allowed can be busy only if
   * the server already works there.
   */
  async #mayRun({ policy }: ServerConnection, directory: string | undefined): Promise<boolean> {
    const { directories } = runtimeOf(this.#actor.getSnapshot().context.runtime)
    const { directory: used = directory } = this.#conversation
    if (used === undefined || directories.has(used)) return true
    return policy.resolve({ input: 'directory of the session', directory: used }).then(
      () => true,
      () => false,
    )
  }

  async #open(): Promise<string> {
    if (this.#conversation.sessionId !== undefined) return this.#conversation.sessionId
    const named = turnDirectory(undefined, this.#actor.getSnapshot().context.options)
    return this.#onServer(({ client, policy }, signal) =>
      this.#conversation.open(client, { named, title: 'Untitled', policy }, signal),
    )
  }

  /**
   * Sends a request that belongs to no turn.
   * The machine does not wait for such a request. If the server is replaced, stopped as idle or dies during the
   * request, the request is retried on the next server.
   *
   * @throws StoppedError (`ERR_OPENCODE_STOPPED`) if the server is stopped meanwhile.
   */
  async #onServer<T>(
    request: (connection: ServerConnection, signal: AbortSignal, tries: number) => Promise<T>,
  ): Promise<T> {
    const { runtime, stops } = this.#actor.getSnapshot().context
    const signal = AbortSignal.timeout(requestTimeoutMs)
    for (let tries = 0; ; tries++) {
      await ensureRunning(this.#actor)
      const { connection } = runtimeOf(runtime)
      if (!connection) throw new Error('The server is not running')
      try {
        return await request(connection, signal, tries)
      } catch (error) {
        const isAnswer = error instanceof HttpError || error instanceof OpenCodeRuntimeError
        if (isAnswer || signal.aborted || !(await this.#hasEnded(connection))) throw error
        const { status, context } = this.#actor.getSnapshot()
        if (status !== 'active' || context.stops !== stops)
          throw new StoppedError('The server was stopped before it answered', { cause: error })
      }
    }
  }

  /**
   * Returns whether the server of a request is ending or has ended. Waits up to 500 ms, because broken connections may
   * be noticed before the exit.
   */
  async #hasEnded({ client }: ServerConnection): Promise<boolean> {
    const hasEnded = (): boolean => {
      const snapshot = this.#actor.getSnapshot()
      return (
        snapshot.status !== 'active' ||
        !snapshot.matches('healthy') ||
        runtimeOf(snapshot.context.runtime).connection?.client !== client
      )
    }
    const clock = clockOf(this.#actor.system)
    for (let checks = 0; checks < exitChecks && !hasEnded(); checks++) await elapse(clock, exitCheckMs)
    return hasEnded()
  }
}

/**
 * Opens a conversation, new or continued, on a server machine: your own or an embedded machine. Same as
 * `OpenCodeServer.session`.
 *
 * @param actor - The actor of the server machine.
 * @param options - The session to continue, or properties of a new session.
 * @returns The conversation. No request is sent before first use.
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for a bad option.
 *
 * @example
 * import { openSession, type ServerActorRef } from 'opencode-runtime'
 *
 * export async function openTicket(opencode: ServerActorRef, title: string): Promise<string> {
 *   const chat = openSession(opencode, { title })
 *   await chat.turn('What does src/index.ts export?').done
 *   return chat.id
 * }
 */
export function openSession(actor: ServerActorRef, options: SessionOptions = {}): Session {
  return new ServerSession(actor, options)
}
