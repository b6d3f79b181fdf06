import type { Observable } from 'rxjs'
import { Conversation } from '../actors/turn/conversation.ts'
import { runtimeOf } from '../actors/runtime.ts'
import { sessionChanges, type FileChange } from '../actors/session/changes.ts'
import { compact } from '../actors/session/compact.ts'
import { fork } from '../actors/session/fork.ts'
import type { HistoryTurn } from '../actors/session/history.ts'
import { note } from '../actors/session/note.ts'
import type { OperationPlan } from '../actors/session/operation.ts'
import { readHistory, rename } from '../actors/session/operations.ts'
import { redo, undo } from '../actors/session/undo.ts'
import { coldTurn } from './cold-turn.ts'
import { withoutSecrets } from '../config/masked-error.ts'
import { forkSchema, noteSchema, sessionSchema, renameSchema } from '../config/option-schema.ts'
import type { InferOutput, ObjectSchema } from '../config/schema-types.ts'
import type { Reply } from '../replies.ts'
import { accessTo, type Turn } from './turn.ts'
import type { ServerAccess } from './turn-handle.ts'
import type { SnapshotFrom } from 'xstate'
import type { ServerActorRef, serverMachine } from '../machines/server-machine.ts'
import type { TurnInput } from './turn-input.ts'
import { parse } from '../config/validation.ts'
import { runOperation } from './session-operation.ts'
import { deleteConversation, openConversation } from './session-requests.ts'

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

/** Options of {@link Session.fork}. */
export interface ForkOptions {
  /**
   * `messageId` of a turn of the history. The fork has the turns before that turn.
   *
   * @defaultValue the fork has all turns
   */
  before?: string
}

/**
 * Conversation with an agent. Turns run one after another, in the order of the calls. The operations below, except
 * `delete()`, take their place in the same order, and start the server if necessary. Do not await an operation within
 * a policy or a host tool of a turn of the same session: the operation waits for that turn.
 */
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
   * Reads the turns of the conversation from the server.
   *
   * @returns The turns, the oldest first, without the turns that `undo()` has taken back.
   * @throws SessionNotFoundError (`ERR_OPENCODE_SESSION_NOT_FOUND`) if the session does not exist.
   * @throws OpenCodeRuntimeError if the server does not start, dies, or refuses. Codes: see {@link ensureRunning}.
   */
  history(): Promise<HistoryTurn[]>
  /**
   * Makes a copy of the conversation on the server, which goes on independently.
   *
   * @param options - The turn before which the copy ends.
   * @returns The copy. Its turns have other `messageId`s.
   * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for a bad option, or if no turn has the `messageId`.
   * @throws SessionNotFoundError (`ERR_OPENCODE_SESSION_NOT_FOUND`) if the session does not exist.
   * @throws OpenCodeRuntimeError if the server does not start, dies, or refuses. Codes: see {@link ensureRunning}.
   */
  fork(options?: ForkOptions): Promise<Session>
  /**
   * Takes back the last turn: the next turn no longer sees it. Inside a git repository, the changes of files by the
   * turn are taken back too. May be called again, for the turn before. Does nothing if there is no turn.
   *
   * @returns Whether the changes of files were taken back: `false` outside of git, as in a home's default workspace.
   * @throws SessionNotFoundError (`ERR_OPENCODE_SESSION_NOT_FOUND`) if the session does not exist.
   * @throws OpenCodeRuntimeError if the server does not start, dies, or refuses. Codes: see {@link ensureRunning}.
   */
  undo(): Promise<{ files: boolean }>
  /**
   * Puts back the turn that `undo()` took back last, with its changes of files. Does nothing if no turn is taken back;
   * the next turn forgets what was taken back.
   *
   * @throws SessionNotFoundError (`ERR_OPENCODE_SESSION_NOT_FOUND`) if the session does not exist.
   * @throws OpenCodeRuntimeError if the server does not start, dies, or refuses. Codes: see {@link ensureRunning}.
   */
  redo(): Promise<void>
  /**
   * Adds a text to the conversation as a message of the user, without an answer: no model is asked. The next turn
   * sees the text.
   *
   * @param text - The text; not empty.
   * @returns A promise that resolves when the server has stored the text.
   * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for a bad text.
   * @throws SessionNotFoundError (`ERR_OPENCODE_SESSION_NOT_FOUND`) if the session does not exist.
   * @throws OpenCodeRuntimeError if the server does not start, dies, or refuses. Codes: see {@link ensureRunning}.
   */
  note(text: string): Promise<void>
  /**
   * Replaces what the model sees of the conversation by a summary, which the model writes. The history stays.
   *
   * @throws SessionNotFoundError (`ERR_OPENCODE_SESSION_NOT_FOUND`) if the session does not exist.
   * @throws OpenCodeRuntimeError if the model fails, or the server does not start, dies, or refuses. Codes: see
   * {@link ensureRunning}.
   */
  compact(): Promise<void>
  /**
   * Changes the title.
   *
   * @param title - The new title; not empty.
   * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for a bad title.
   * @throws SessionNotFoundError (`ERR_OPENCODE_SESSION_NOT_FOUND`) if the session does not exist.
   * @throws OpenCodeRuntimeError if the server does not start, dies, or refuses. Codes: see {@link ensureRunning}.
   */
  rename(title: string): Promise<void>
  /**
   * Reads which files the turns of the conversation have changed.
   *
   * @returns One change per file, added up over the turns; empty outside of git. A cancelled step is not listed.
   * @throws SessionNotFoundError (`ERR_OPENCODE_SESSION_NOT_FOUND`) if the session does not exist.
   * @throws OpenCodeRuntimeError if the server does not start, dies, or refuses. Codes: see {@link ensureRunning}.
   */
  changes(): Promise<FileChange[]>
  /**
   * Aborts the running work of the session, then deletes the session and its child sessions on the server.
   * Does nothing if the session was never used. Waits for no turn.
   *
   * @throws SessionNotFoundError (`ERR_OPENCODE_SESSION_NOT_FOUND`) if the session does not exist.
   * @throws StoppedError (`ERR_OPENCODE_STOPPED`) if `stop()` or `close()` is called meanwhile.
   * @throws OpenCodeRuntimeError if the server cannot start. Subclasses and codes: see {@link ensureRunning}.
   * @throws Error if the server refuses the request, or does not answer within 30 000 ms.
   */
  delete(): Promise<void>
}

/**
 * Conversation on a server machine, either this package's or an attached machine.
 *
 * @internal
 */
export class ServerSession implements Session {
  readonly #access: ServerAccess
  readonly #own: Conversation

  /** @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for a bad option. */
  constructor(access: ServerAccess, options: SessionOptions | Conversation) {
    this.#access = access
    this.#own = options instanceof Conversation ? options : conversationOf(options)
  }

  get id(): Promise<string> {
    const id = this.#masked((actor) => openConversation(actor, this.#on(actor)))
    // Callers that await the id still get the error. A host that only prints the session must not crash.
    id.catch(() => undefined)
    return id
  }

  turn<S extends ObjectSchema | undefined = undefined>(input: string | TurnInput<S>): Turn<InferOutput<S>> {
    return this.#access.turn(input, (actor) => this.#on(actor))
  }

  turn$(input: string | TurnInput): Observable<Reply> {
    return coldTurn(() => this.turn(input))
  }

  history(): Promise<HistoryTurn[]> {
    return this.#run(({ context }) => readHistory(context.options, runtimeOf(context.runtime)))
  }

  async fork(options: ForkOptions = {}): Promise<Session> {
    const { before } = parse(forkSchema, options, 'option')
    const { agent } = this.#own
    const { id: sessionId, directory } = await this.#run(() => fork(before))
    const named = directory === '' ? undefined : { input: 'directory of the session', directory }
    return new ServerSession(
      this.#access,
      new Conversation({ key: crypto.randomUUID(), sessionId, agent, named }),
    )
  }

  undo(): Promise<{ files: boolean }> {
    return this.#run(undo)
  }

  redo(): Promise<void> {
    return this.#run(redo)
  }

  async note(text: string): Promise<void> {
    const { text: checked } = parse(noteSchema, { text }, 'argument')
    return this.#run(() => note(checked, this.#own.agent))
  }

  compact(): Promise<void> {
    return this.#run(({ context }) => compact(context.options))
  }

  async rename(title: string): Promise<void> {
    const named = parse(renameSchema, { title }, 'argument')
    return this.#run(() => rename(named.title))
  }

  changes(): Promise<FileChange[]> {
    return this.#run(sessionChanges)
  }

  delete(): Promise<void> {
    return this.#masked((actor) => deleteConversation(actor, this.#on(actor)))
  }

  /** Conversation that all turns of the session share, also turns of other objects for the same session. */
  #on(actor: ServerActorRef): Conversation {
    return runtimeOf(actor.getSnapshot().context.runtime).current(this.#own)
  }

  #run<T>(workOf: (snapshot: SnapshotFrom<typeof serverMachine>) => OperationPlan<T>): Promise<T> {
    return this.#access.use((actor) => runOperation(actor, workOf(actor.getSnapshot()), this.#on(actor)))
  }

  /** Runs work and masks secrets in its error, because a server's message may contain any text. */
  #masked<T>(work: (actor: ServerActorRef) => Promise<T>): Promise<T> {
    return this.#access.use((actor) =>
      withoutSecrets(actor.getSnapshot().context.options.secrets, () => work(actor)),
    )
  }
}

function conversationOf(options: SessionOptions): Conversation {
  const { directory, ...rest } = parse(sessionSchema, options, 'session option')
  const named = directory === undefined ? undefined : { input: 'session option directory', directory }
  return new Conversation({ key: crypto.randomUUID(), named, ...rest })
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
  return new ServerSession(accessTo(actor), options)
}
