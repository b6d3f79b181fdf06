import { map, type Observable } from 'rxjs'
import type { FileChange } from '../../actors/session/changes.ts'
import type { TurnStatus } from '../../actors/turn/turn-record.ts'
import type { Turn } from '../../api/turn-handle.ts'
import type { SchemaInput } from '../../config/schema-input.ts'
import { InvalidOptionsError, OpenCodeRuntimeError, TurnError } from '../../errors.ts'
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
import type { TurnFollower } from './turn-follower.ts'
import type { TurnView } from './turn-view.ts'

/** Turn that runs on another host. Never throws; exactly one terminal reply comes last. */
export class RemoteTurn<T> implements Turn<T> {
  readonly #follower: TurnFollower
  readonly #view: TurnView
  readonly #schema: SchemaInput | undefined
  #output: Promise<T> | undefined

  /** @param schema - schema of the answer, whose functions run in this process */
  constructor(follower: TurnFollower, schema?: SchemaInput) {
    this.#follower = follower
    this.#view = follower.view
    this.#schema = schema
  }

  get id(): string {
    return this.#follower.id
  }

  get traceId(): string | null {
    return this.#view.traceId
  }

  get replies$(): Observable<Reply> {
    return this.#view.replay.replies$
  }

  get requests$(): Observable<InputRequest> {
    return this.#view.requests.asked$.asObservable()
  }

  get openRequests(): PendingRequest[] {
    return this.#view.requests.open
  }

  get openRequests$(): Observable<PendingRequest[]> {
    return this.#view.requests.open$.pipe(map((open) => [...open]))
  }

  get todos$(): Observable<Todo[]> {
    return this.#view.todos.lists$
  }

  get status$(): Observable<TurnStatus> {
    return this.#view.status$.asObservable()
  }

  get done(): Promise<TerminalReply> {
    return this.#view.done.promise
  }

  get output(): Promise<T> {
    this.#output ??= this.#readOutput()
    // An unread rejection does not end the host's process.
    this.#output.catch(() => undefined)
    return this.#output
  }

  get usage(): Usage {
    return { ...this.#view.usage }
  }

  get sessionId(): Promise<string | undefined> {
    return this.#view.sessionId.promise
  }

  async text(): Promise<string> {
    return (await this.#final()).content
  }

  async changes(): Promise<FileChange[]> {
    const { agentId } = this.#follower
    await this.done
    throw new OpenCodeRuntimeError(
      `The files of a turn can be read only on the host that has run the turn: ask the fleet of that host for the changes of the session${agentId === undefined ? '' : ` of the agent ${agentId}`}`,
    )
  }

  answer(requestId: string, answer: RequestAnswer): Promise<void> {
    return this.#follower.answer(requestId, answer)
  }

  cancel(): void {
    void this.#follower.cancel()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Reply, void, void> {
    try {
      yield* this.#view.replay.read()
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

  /** Resolves with the answer as the caller's schema returns it. The host has validated the answer by JSON Schema. */
  async #readOutput(): Promise<T> {
    const { content, trace_id } = await this.#final()
    if (!this.#schema)
      throw new InvalidOptionsError(
        'The turn has no output here, because its input names no schema (`output`), or this caller has attached to the turn: read text()',
      )
    const checked = await this.#schema.validate(JSON.parse(content))
    if ('value' in checked) return checked.value as T
    throw new TurnError({
      kind: 'error',
      trace_id,
      code: 'invalid_output',
      error: `The answer fits the JSON Schema that has travelled, but not the schema of the caller: ${checked.issues}`,
      retryable: true,
    })
  }
}
