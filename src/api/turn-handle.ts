import type { Observable } from 'rxjs'
import { Conversation } from '../actors/turn/conversation.ts'
import { turnChanges, type FileChange } from '../actors/session/changes.ts'
import { TurnFace } from '../actors/turn/turn-face.ts'
import { TurnRecord, type TurnStatus } from '../actors/turn/turn-record.ts'
import type { InferOutput, ObjectSchema } from '../config/schema-types.ts'
import { InvalidOptionsError } from '../errors.ts'
import type { ServerActorRef } from '../machines/server-machine.ts'
import type {
  InputRequest,
  PendingRequest,
  Reply,
  RequestAnswer,
  TerminalReply,
  Todo,
  Usage,
} from '../replies.ts'
import { runOperation } from './session-operation.ts'
import { type TurnInput } from './turn-input.ts'

/**
 * Turn of an agent. Never throws and never rejects: on success or failure, exactly one terminal reply comes
 * last.
 * `for await (const reply of turn)` reads the replies. Leaving the loop early cancels the turn. `T` is the type of
 * `output`: what the schema of the turn's input returns, or `unknown`.
 */
export interface Turn<T = unknown> extends AsyncIterable<Reply> {
  readonly id: string
  readonly traceId: string | null
  /**
   * Hot observable of all replies from the first on, also for late subscribers. Completes after the terminal
   * reply; never errors.
   */
  readonly replies$: Observable<Reply>
  /**
   * Permission and question requests, each emitted once, when asked; also those that the policy answers at
   * once.
   */
  readonly requests$: Observable<InputRequest>
  /**
   * Requests that wait for an answer, in the order in which they were asked: by the policy `'ask'`, or because
   * a policy's function still decides. A new list each time.
   */
  readonly openRequests: PendingRequest[]
  /** List of the requests that wait: the present list at once, then each change. Completes with the turn. */
  readonly openRequests$: Observable<PendingRequest[]>
  /**
   * Todo list of the agent: each list that the agent writes in this turn, as a whole; the last one at once for a late
   * subscriber. Emits nothing if the agent writes none. Completes with the turn; never errors.
   */
  readonly todos$: Observable<Todo[]>
  readonly status$: Observable<TurnStatus>
  /** Terminal reply. */
  readonly done: Promise<TerminalReply>
  /**
   * Value of the answer, as the schema `output` of the turn's input returns it. Rejects with a
   * {@link TurnError} if the turn fails, and with an InvalidOptionsError
   * (`ERR_OPENCODE_INVALID_OPTIONS`) if a turn without `output` succeeds. A rejection that the host does not read
   * is not reported as unhandled.
   */
  readonly output: Promise<T>
  /** Usage so far. Final when the turn is done, also for a failed turn. */
  readonly usage: Usage
  /** Session id; `undefined` if the turn ended before a session existed. */
  readonly sessionId: Promise<string | undefined>
  /**
   * Waits for the answer.
   *
   * @returns The text of the whole answer: `content` of the `final` reply.
   * @throws TurnError if the turn fails; its code is the code of the `error` reply.
   */
  text(): Promise<string>
  /**
   * Reads which files the turn has changed, when the turn has ended.
   *
   * @returns One change per file; empty outside of git. A cancelled step is not listed.
   * @throws SessionNotFoundError (`ERR_OPENCODE_SESSION_NOT_FOUND`) if the session was deleted.
   * @throws OpenCodeRuntimeError if the server does not start, dies, or refuses. Codes: see {@link ensureRunning}.
   */
  changes(): Promise<FileChange[]>
  /**
   * Answers a request that waits: one of `openRequests`. The first answer that the server takes closes the
   * request.
   *
   * @param requestId - Id of the request.
   * @param answer - For a permission `once`, `always`, `reject` or `{ reject: message }`; for a question a list
   * of labels or own texts per question, or `reject`.
   * @returns A promise that resolves when the server has taken the answer.
   * @throws RequestClosedError (`ERR_OPENCODE_REQUEST_CLOSED`) if the request is answered, expired or unknown,
   * or if the turn has ended.
   * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) if the answer does not fit the request, which
   * stays open.
   */
  answer(requestId: string, answer: RequestAnswer): Promise<void>
  /** Ends the turn with `cancelled`, and aborts its work on the server. Does nothing if the turn is done. */
  cancel(): void
}

/**
 * Way from a session or a turn to its server machine: one actor, or an agent of a fleet, whose actor comes and goes.
 *
 * @internal
 */
export interface ServerAccess {
  /**
   * Calls a function with the actor: at once if the actor is there, else when it is, in the order of the calls.
   *
   * @param act - The function.
   * @returns The result of the function; rejects with its error, or if there is no actor.
   */
  use<T>(act: (actor: ServerActorRef) => T | Promise<T>): Promise<T>
  /**
   * Runs a turn. Never throws.
   *
   * @param input - The prompt, or all fields of the turn.
   * @param conversationOf - Returns the conversation of the turn on the actor's server.
   * @returns The handle of the turn.
   */
  turn<S extends ObjectSchema | undefined = undefined>(
    input: string | TurnInput<S>,
    conversationOf?: (actor: ServerActorRef) => Conversation,
  ): Turn<InferOutput<S>>
}

class TurnHandle<T> extends TurnFace<T> implements Turn<T> {
  readonly #record: TurnRecord
  readonly #access: ServerAccess
  readonly #cancel: () => void

  constructor(record: TurnRecord, access: ServerAccess, cancel: () => void) {
    super(record)
    this.#record = record
    this.#access = access
    this.#cancel = cancel
  }

  override get id(): string {
    return this.#record.id
  }

  override get traceId(): string | null {
    return this.#record.plan.traceId
  }

  override changes(): Promise<FileChange[]> {
    const { conversation, messageIds } = this.#record
    const work = turnChanges(() => messageIds)
    return this.#access.use((actor) => runOperation(actor, work, conversation))
  }

  override answer(requestId: string, answer: RequestAnswer): Promise<void> {
    return this.#record.requests.answer(requestId, answer)
  }

  override cancel(): void {
    this.#cancel()
  }

  protected override valueOf(): T {
    if (this.#record.output) return this.#record.output.value as T
    throw new InvalidOptionsError('The turn has no output, because its input names no schema (`output`)')
  }
}

/**
 * Returns the handle of a turn on a server machine.
 *
 * @internal
 */
export const turnHandle = <T>(record: TurnRecord, access: ServerAccess, cancel: () => void): Turn<T> =>
  new TurnHandle<T>(record, access, cancel)
