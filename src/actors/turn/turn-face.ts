import { map, type Observable } from 'rxjs'
import type { FileChange } from '../session/changes.ts'
import type { ReplayBuffer } from './replay-buffer.ts'
import type { TurnTodos } from './todos.ts'
import type { TurnStatus } from './turn-record.ts'
import { TurnError } from '../../errors.ts'
import type {
  FinalReply,
  InputRequest,
  PendingRequest,
  Reply,
  RequestAnswer,
  TerminalReply,
  Todo,
  Usage,
} from '../../replies.ts'
import type { Deferred } from '../../util/deferred.ts'

/** Outputs of a turn: of one that runs in this process, or of a copy that is made from the records of another host. */
export interface TurnParts {
  readonly replay: ReplayBuffer
  readonly requests: {
    readonly asked$: Observable<InputRequest>
    readonly open: PendingRequest[]
    readonly open$: Observable<readonly PendingRequest[]>
  }
  readonly todos: TurnTodos
  readonly status$: Observable<TurnStatus>
  readonly done: Deferred<TerminalReply>
  readonly sessionId: Deferred<string | undefined>
  readonly usage: Usage
}

/** Handle of a turn over its outputs, wherever the turn runs. */
export abstract class TurnFace<T> implements AsyncIterable<Reply> {
  readonly #parts: TurnParts
  #output: Promise<T> | undefined

  constructor(parts: TurnParts) {
    this.#parts = parts
  }

  abstract get id(): string
  abstract get traceId(): string | null
  abstract changes(): Promise<FileChange[]>
  abstract answer(requestId: string, answer: RequestAnswer): Promise<void>
  abstract cancel(): void
  /** Returns the value of the answer of a turn that has succeeded. */
  protected abstract valueOf(final: FinalReply): T | Promise<T>

  get replies$(): Observable<Reply> {
    return this.#parts.replay.replies$
  }

  get requests$(): Observable<InputRequest> {
    return this.#parts.requests.asked$.pipe()
  }

  get openRequests(): PendingRequest[] {
    return this.#parts.requests.open
  }

  get openRequests$(): Observable<PendingRequest[]> {
    return this.#parts.requests.open$.pipe(map((open) => [...open]))
  }

  get todos$(): Observable<Todo[]> {
    return this.#parts.todos.lists$
  }

  get status$(): Observable<TurnStatus> {
    return this.#parts.status$.pipe()
  }

  get done(): Promise<TerminalReply> {
    return this.#parts.done.promise
  }

  get output(): Promise<T> {
    this.#output ??= this.#final().then((final) => this.valueOf(final))
    // An unread rejection does not end the host's process.
    this.#output.catch(() => undefined)
    return this.#output
  }

  get usage(): Usage {
    return { ...this.#parts.usage }
  }

  get sessionId(): Promise<string | undefined> {
    return this.#parts.sessionId.promise
  }

  async text(): Promise<string> {
    return (await this.#final()).content
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Reply, void, void> {
    try {
      yield* this.#parts.replay.read()
    } finally {
      this.cancel()
    }
  }

  /** Resolves with the `final` reply; rejects with a TurnError for an `error` reply. */
  async #final(): Promise<FinalReply> {
    const last = await this.done
    if (last.kind === 'error') throw new TurnError(last)
    return last
  }
}
