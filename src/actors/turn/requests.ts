import { ReplaySubject } from 'rxjs'
import { RequestClosedError } from '../../errors.ts'
import type { InputRequest, PendingRequest } from '../../replies.ts'
import { answered, OpenRequest, type ClosedBy, type RequestTerms } from './open-request.ts'

/** Turn that asks. */
interface Asker {
  turnId: string
  traceId: string | null
  /** Agent of a fleet, and its tenant. */
  agentId?: string
  tenant?: string
}

/** Requests of one turn: all that were asked, and the list of those that wait for an answer. */
export class TurnRequests {
  /** Requests, each once, when asked. */
  readonly asked$ = new ReplaySubject<InputRequest>()
  /** List of the waiting requests: the present list, then each change. */
  readonly open$ = new ReplaySubject<PendingRequest[]>(1)
  readonly #asker: Asker
  readonly #requests = new Map<string, OpenRequest>()
  #open: readonly PendingRequest[] = []

  constructor(asker: Asker) {
    this.#asker = asker
    this.open$.next([])
  }

  /** Requests that wait, in the order in which they were asked; a new list each time. */
  get open(): PendingRequest[] {
    return [...this.#open]
  }

  /** Requests that were closed without an answer. */
  get unanswered(): InputRequest[] {
    const closed = [...this.#requests.values()].filter(({ isUnanswered }) => isUnanswered)
    return closed.map(({ pending }) => pending.request)
  }

  /** Opens a request. Resolves when the request is closed; never rejects. */
  async settle(request: InputRequest, terms: RequestTerms): Promise<void> {
    const at = Date.now()
    const pending = { request, ...this.#asker, at, expiresAt: at + terms.timeoutMs }
    const open = new OpenRequest(pending, terms, () => this.#update())
    this.#requests.set(request.id, open)
    // The request can be answered before it is emitted, so that a subscriber can answer at once.
    this.#update()
    this.asked$.next(request)
    await open.settle()
  }

  /**
   * Answers a request. Resolves when the server has taken the answer.
   *
   * @throws RequestClosedError (`ERR_OPENCODE_REQUEST_CLOSED`) if the request is closed or unknown
   * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) if the answer does not fit the request
   * @throws OpenCodeRuntimeError (`ERR_OPENCODE_RUNTIME`) if the server refuses the answer
   */
  async answer(id: string, answer: unknown): Promise<void> {
    const request = this.#requests.get(id)
    if (!request) throw new RequestClosedError(`The turn has no request ${JSON.stringify(id)}`)
    await request.answer(answer)
  }

  /** Returns the ids of the other permissions of the same session that are open beside a request. */
  beside({ id, sessionId }: InputRequest): string[] {
    const open = [...this.#requests.values()].filter(({ isClosed }) => !isClosed)
    return open.flatMap(({ pending: { request: other } }) =>
      other.type === 'permission' && other.id !== id && other.sessionId === sessionId ? other.id : [],
    )
  }

  /** Returns what closed a request; `undefined` for an open or unknown request. */
  closedBy(id: string): ClosedBy | undefined {
    return this.#requests.get(id)?.closedBy
  }

  /** Closes a request that the server reports as answered. */
  close(id: string): void {
    this.#requests.get(id)?.close(answered)
  }

  /**
   * Closes the requests that the server no longer lists.
   *
   * @param among - ids of the requests that were open when the server was asked
   */
  retain(listed: readonly string[], among: readonly string[] = [...this.#requests.keys()]): void {
    for (const id of among) if (!listed.includes(id)) this.close(id)
  }

  /** Closes all requests, because no server waits for their answers. */
  abandon(reason: string): void {
    for (const request of this.#requests.values()) request.abandon(reason)
  }

  /** Closes all requests with the turn, and completes the observables. */
  complete(): void {
    this.abandon('the turn has ended')
    this.asked$.complete()
    this.open$.complete()
  }

  /** Emits the list of the waiting requests if it has changed. */
  #update(): void {
    const waiting = [...this.#requests.values()].filter(({ isWaiting }) => isWaiting)
    const open = waiting.map(({ pending }) => pending)
    if (open.length === this.#open.length && open.every((request, i) => request === this.#open[i])) return
    this.#open = open
    this.open$.next(this.open)
  }
}
