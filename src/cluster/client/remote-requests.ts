import { ReplaySubject } from 'rxjs'
import type { ClosedBy } from '../../actors/turn/open-request.ts'
import { checkedAnswer } from '../../actors/turn/request-answer.ts'
import { RequestClosedError } from '../../errors.ts'
import type { InputRequest, PendingRequest } from '../../replies.ts'
import { deferred, type Deferred } from '../../util/deferred.ts'

/** Reasons for the end of a request, as messages tell them. */
const reasons: Readonly<Record<ClosedBy, string>> = {
  answer: 'it was answered',
  timeout: 'no answer came in time',
  turn: 'the turn has ended, or another host runs the turn',
}

/** Answer on its way to the host; resolves with what has closed the request. */
type Waiting = Deferred<ClosedBy | 'other answer'>

/** Requests of a turn on another host: all that were asked, and the list of those that wait for an answer. */
export class RemoteRequests {
  /** Requests, each once, when asked. */
  readonly asked$ = new ReplaySubject<InputRequest>()
  /** List of the waiting requests: the present list, then each change. */
  readonly open$ = new ReplaySubject<PendingRequest[]>(1)
  readonly #closed = new Map<string, ClosedBy>()
  readonly #waiting = new Map<string, Waiting[]>()
  #open: readonly PendingRequest[] = []

  constructor() {
    this.open$.next([])
  }

  /** Requests that wait, in the order in which they were asked; a new list each time. */
  get open(): PendingRequest[] {
    return [...this.#open]
  }

  /** Returns whether a request waits for an answer. */
  isOpen(id: string): boolean {
    return this.#open.some(({ request }) => request.id === id)
  }

  /** Takes a request. A request that a fixed policy answers has no time to wait. */
  ask(pending: PendingRequest): void {
    if (pending.expiresAt > pending.at) this.#change([...this.#open, pending])
    this.asked$.next(pending.request)
  }

  /** Closes a request. The first answer of this caller counts as the one that was taken. */
  close(id: string, by: ClosedBy): void {
    if (!this.isOpen(id)) return
    this.#closed.set(id, by)
    this.#change(this.#open.filter(({ request }) => request.id !== id))
    const [first, ...others] = this.#waiting.get(id) ?? []
    this.#waiting.delete(id)
    first?.resolve(by)
    for (const other of others) other.resolve(by === 'answer' ? 'other answer' : by)
  }

  /** Closes all requests, because no host waits for their answers. */
  abandon(): void {
    for (const { request } of this.open) this.close(request.id, 'turn')
  }

  /** Closes all requests with the turn, and completes the observables. */
  complete(): void {
    this.abandon()
    this.asked$.complete()
    this.open$.complete()
  }

  /**
   * Sends an answer to a request. Resolves when the host has taken the answer.
   *
   * @param send - sends the answer; rejects if the answer cannot be sent
   * @throws RequestClosedError (`ERR_OPENCODE_REQUEST_CLOSED`) if the request is closed or unknown
   * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) if the answer does not fit the request
   */
  async answer(id: string, answer: unknown, send: () => Promise<unknown>): Promise<void> {
    const pending = this.#open.find(({ request }) => request.id === id)
    if (!pending) throw this.#closedError(id)
    checkedAnswer(pending.request, answer)
    const waiting: Waiting = deferred()
    this.#waiting.set(id, [...(this.#waiting.get(id) ?? []), waiting])
    const failed = send().then(
      () => waiting.promise,
      (error: unknown) => {
        this.#waiting.set(
          id,
          (this.#waiting.get(id) ?? []).filter((other) => other !== waiting),
        )
        throw error
      },
    )
    const by = await Promise.race([waiting.promise, failed])
    if (by !== 'answer') throw this.#closedError(id)
  }

  #closedError(id: string): RequestClosedError {
    const by = this.#closed.get(id)
    if (by === undefined) return new RequestClosedError(`The turn has no request ${JSON.stringify(id)}`)
    return new RequestClosedError(`The request ${id} is closed: ${reasons[by]}`)
  }

  #change(open: readonly PendingRequest[]): void {
    this.#open = open
    this.open$.next(this.open)
  }
}
