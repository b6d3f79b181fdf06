import { concat, defer, from, of, switchMap, type Observable } from 'rxjs'
import { elapse, type SystemClock } from '../../actors/clock.ts'
import type { FileChange } from '../../actors/session/changes.ts'
import { cancelledTurn, deadlineExceeded, type TurnCause } from '../../actors/turn/refusal.ts'
import type { TurnStatus } from '../../actors/turn/turn-record.ts'
import { RequestClosedError } from '../../errors.ts'
import {
  noUsage,
  type InputRequest,
  type PendingRequest,
  type Reply,
  type RequestAnswer,
  type TerminalReply,
  type Todo,
  type TurnErrorCode,
  type Usage,
} from '../../replies.ts'
import { deferred } from '../../util/deferred.ts'
import { onAbort } from '../../util/abort-signal.ts'
import { endedTurn } from '../turn.ts'
import type { Turn } from '../turn-handle.ts'
import { traceOf } from '../turn-input.ts'

/**
 * Turn whose server's actor is not there yet: the records of the fleet are being read, or `resolve` has not answered.
 * Everything of the turn follows as soon as the turn has begun.
 */
export class DeferredTurn<T> implements Turn<T> {
  readonly id: string
  readonly traceId: string | null
  readonly #input: unknown
  readonly #at = Date.now()
  readonly #onEnd: (turn: Turn<T>, code: TurnErrorCode) => void
  readonly #begun = deferred<Turn<T>>()
  readonly #stopListening: () => void
  readonly #stopTimer: () => void
  #turn: Turn<T> | undefined
  #isBeginning = false
  /** True if the caller cancelled the turn while it began. */
  #isCancelled = false

  /**
   * @param clock - clock of the fleet's system, for the turn's own `deadlineMs`
   * @param onEnd - gets the turn and the code of its end if it ends before it has begun
   */
  constructor(
    id: string,
    input: unknown,
    clock: SystemClock,
    onEnd: (turn: Turn<T>, code: TurnErrorCode) => void,
  ) {
    this.id = id
    this.#onEnd = onEnd
    this.traceId = traceOf(input)
    this.#input = input
    const { signal, deadlineMs } = Object(input) as { signal?: unknown; deadlineMs?: unknown }
    const done = new AbortController()
    this.#stopTimer = () => done.abort()
    // A value that is no time limit is refused when the turn begins.
    if (typeof deadlineMs === 'number' && deadlineMs > 0)
      void elapse(clock, deadlineMs, done.signal).then(() => this.end(deadlineExceeded(deadlineMs)))
    const isSignal = signal instanceof AbortSignal
    this.#stopListening = isSignal ? onAbort(signal, () => this.cancel()) : () => undefined
    if (isSignal && signal.aborted) this.cancel()
  }

  /** Resolves when the turn has begun, or was cancelled before. */
  get begun(): Promise<unknown> {
    return this.#begun.promise
  }

  /** Begins the turn by a function, unless the turn has begun or ended. */
  begin(start: () => Turn<T>): void {
    if (this.#turn) return
    this.#isBeginning = true
    try {
      const turn = start()
      this.#settle(turn)
      // The start tells subscribers of the fleet, who may cancel the turn within.
      if (this.#isCancelled) turn.cancel()
    } finally {
      this.#isBeginning = false
    }
  }

  /** Ends the turn, unless it has begun. */
  end(cause: TurnCause): void {
    if (this.#turn || this.#isBeginning) return
    this.#settle(endedTurn<T>(this.#input, { ...cause, id: this.id }))
    this.#onEnd(this, cause.code)
  }

  #settle(turn: Turn<T>): void {
    this.#turn = turn
    this.#stopListening()
    this.#stopTimer()
    this.#begun.resolve(turn)
  }

  get replies$(): Observable<Reply> {
    return this.#follow((turn) => turn.replies$)
  }

  get requests$(): Observable<InputRequest> {
    return this.#follow((turn) => turn.requests$)
  }

  get openRequests(): PendingRequest[] {
    return this.#turn?.openRequests ?? []
  }

  get openRequests$(): Observable<PendingRequest[]> {
    const later = this.#follow((turn) => turn.openRequests$)
    return this.#turn ? later : concat(of([]), later)
  }

  get todos$(): Observable<Todo[]> {
    return this.#follow((turn) => turn.todos$)
  }

  get status$(): Observable<TurnStatus> {
    const later = this.#follow((turn) => turn.status$)
    return this.#turn ? later : concat(of({ state: 'queued', at: this.#at } as const), later)
  }

  get done(): Promise<TerminalReply> {
    return this.#begun.promise.then((turn) => turn.done)
  }

  get output(): Promise<T> {
    const value = this.#begun.promise.then((turn) => turn.output)
    // As for every turn, an unread rejection does not end the host's process.
    value.catch(() => undefined)
    return value
  }

  get usage(): Usage {
    return this.#turn?.usage ?? noUsage()
  }

  get sessionId(): Promise<string | undefined> {
    return this.#begun.promise.then((turn) => turn.sessionId)
  }

  async text(): Promise<string> {
    return (await this.#begun.promise).text()
  }

  async changes(): Promise<FileChange[]> {
    return (await this.#begun.promise).changes()
  }

  answer(requestId: string, answer: RequestAnswer): Promise<void> {
    if (this.#turn) return this.#turn.answer(requestId, answer)
    return Promise.reject(new RequestClosedError(`The turn has no request ${JSON.stringify(requestId)}`))
  }

  cancel(): void {
    this.#isCancelled = true
    this.end(cancelledTurn)
    this.#turn?.cancel()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Reply, void, void> {
    try {
      yield* await this.#begun.promise
    } finally {
      this.cancel()
    }
  }

  #follow<V>(of: (turn: Turn<T>) => Observable<V>): Observable<V> {
    return defer(() => (this.#turn ? of(this.#turn) : from(this.#begun.promise).pipe(switchMap(of))))
  }
}
