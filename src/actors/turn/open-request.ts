import { OpenCodeRuntimeError, RequestClosedError } from '../../errors.ts'
import { HttpError } from '../../io/opencode/client.ts'
import type { PendingRequest } from '../../replies.ts'
import { onAbort } from '../../util/abort-signal.ts'
import { elapse, type SystemClock } from '../clock.ts'
import { checkedAnswer } from './request-answer.ts'
import { decide, expiryAnswer, isFixed, type Policies, type PolicyAnswer } from './request-policy.ts'

/** Cause of the end of a request: an answer, its time limit, or the end of the turn. */
export type ClosedBy = 'answer' | 'timeout' | 'turn'

/** Wait before an answer is sent again to a server that did not respond, in ms. */
const resendMs = 500

/** Terms of a request: its policies, its time limit in ms, and the function that sends an answer. */
export interface RequestTerms {
  policies: Policies
  timeoutMs: number
  clock: SystemClock
  send: (answer: PolicyAnswer) => Promise<void>
  /** Runs when the server has taken an answer, before the caller of the answer is told. */
  onTaken?: (answer: PolicyAnswer) => Promise<void>
}

/**
 * Request of a turn, from its event to its end: an answer was taken, the request was rejected at its time
 * limit, or the turn ended. Answers are sent one after another, and the first answer that the server takes
 * closes the request.
 */
export class OpenRequest {
  readonly pending: PendingRequest
  readonly #terms: RequestTerms
  readonly #onClosed: () => void
  /** Aborts when the request is closed. */
  readonly #closed = new AbortController()
  /** Aborts when callers can no longer answer: at the time limit, and when the request is closed. */
  readonly #late = new AbortController()
  /** Aborts when the outcome of a sent answer no longer matters, because the work of the turn is over. */
  readonly #abandoned = new AbortController()
  readonly #whenClosed: Promise<undefined>
  readonly #whenAbandoned: Promise<never>
  /** Promise that settles when the latest answer was sent; never rejects. */
  #sent: Promise<unknown> = Promise.resolve()
  #reason: string | undefined
  #closedBy: ClosedBy | undefined
  /** Cause of the end if the server takes the answer that was sent last: an answer, or the rejection at the time limit. */
  #sentFor: ClosedBy = 'answer'

  /** @param onClosed - called once, when the request is closed */
  constructor(pending: PendingRequest, terms: RequestTerms, onClosed: () => void) {
    this.pending = pending
    this.#terms = terms
    this.#onClosed = onClosed
    this.#whenClosed = new Promise((resolve) => onAbort(this.#closed.signal, () => resolve(undefined)))
    this.#whenAbandoned = new Promise((_, reject) =>
      onAbort(this.#abandoned.signal, () => reject(this.closedError())),
    )
    this.#whenAbandoned.catch(() => undefined)
  }

  /** Cause of the end of the request; `undefined` while the request is open. */
  get closedBy(): ClosedBy | undefined {
    return this.#closedBy
  }

  get isClosed(): boolean {
    return this.#reason !== undefined
  }

  /** True if the request was closed without an answer, so that the server may still have the request. */
  get isUnanswered(): boolean {
    return this.isClosed && this.#reason !== answered
  }

  /** True while the request waits for an answer; false for a fixed policy, which answers at once. */
  get isWaiting(): boolean {
    return this.#reason === undefined && !isFixed(this.pending.request, this.#terms.policies)
  }

  /**
   * Lets the policy answer, and rejects the request at its time limit. Resolves when the request is closed;
   * never rejects.
   */
  async settle(): Promise<void> {
    const { request } = this.pending
    const expired = this.#expire()
    const decided = decide(request, this.#terms.policies, expired)
    const answer = await Promise.race([decided, this.#whenClosed])
    if (answer) await this.#offer(answer)
    await expired
    await this.#offer(expiryAnswer(request))
    this.close(this.#expiry, 'timeout')
  }

  /**
   * Sends the answer of a caller. Resolves when the server has taken the answer.
   *
   * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) if the answer does not fit the request
   * @throws RequestClosedError (`ERR_OPENCODE_REQUEST_CLOSED`) if the request is closed
   * @throws OpenCodeRuntimeError (`ERR_OPENCODE_RUNTIME`) if the server refuses the answer
   */
  async answer(given: unknown): Promise<void> {
    if (!this.isWaiting || this.#late.signal.aborted) throw this.closedError()
    await this.#queue(checkedAnswer(this.pending.request, given), this.#late.signal)
  }

  /** Closes the request. The outcome of an answer that is being sent is still reported to its caller. */
  close(reason: string, by: ClosedBy = this.#sentFor): void {
    if (this.#reason !== undefined) return
    this.#reason = reason
    this.#closedBy = by
    this.#late.abort()
    this.#closed.abort()
    this.#onClosed()
  }

  /** Closes the request, and does not wait for an answer that is being sent. */
  abandon(reason: string): void {
    this.close(reason, 'turn')
    this.#abandoned.abort()
  }

  /** Returns the error for an answer to this request, which is closed. */
  closedError(): RequestClosedError {
    const isExpired =
      this.#closedBy === 'timeout' || (this.#reason === undefined && this.#late.signal.aborted)
    const reason = isExpired ? this.#expiry : (this.#reason ?? 'its policy answers it')
    return new RequestClosedError(`${this.#name} is closed: ${reason}`)
  }

  get #name(): string {
    const { id, type } = this.pending.request
    return `The ${type} ${id}`
  }

  get #expiry(): string {
    return `no answer came within ${this.#terms.timeoutMs} ms`
  }

  /** Resolves at the time limit, or when the request is closed. */
  async #expire(): Promise<void> {
    await elapse(this.#terms.clock, this.#terms.timeoutMs, this.#closed.signal)
    this.#late.abort()
  }

  /** Sends an answer of the policy. Never rejects: a request that stays open is rejected at its time limit. */
  async #offer(answer: PolicyAnswer): Promise<void> {
    const by = this.#late.signal.aborted ? 'timeout' : 'answer'
    await this.#queue(answer, this.#closed.signal, by).catch(() => undefined)
  }

  /** Sends an answer after the earlier answers, unless the signal aborts first. */
  #queue(answer: PolicyAnswer, until: AbortSignal, by: ClosedBy = 'answer'): Promise<void> {
    const sent = this.#sent.then(() => {
      this.#sentFor = by
      return this.#deliver(answer, until)
    })
    this.#sent = sent.catch(() => undefined)
    return sent
  }

  /**
   * Sends an answer until the server responds. If the response to an earlier attempt was lost, that the request is
   * no longer open means that the server took the answer.
   */
  async #deliver(answer: PolicyAnswer, until: AbortSignal): Promise<void> {
    for (let attempts = 0; !until.aborted; attempts++) {
      const failure = await this.#send(answer).then(noFailure, (error: unknown) => ({ error }))
      if (!failure) return this.#onTaken(answer)
      if (attempts > 0 && isMissing(failure.error)) {
        this.close(answered)
        return
      }
      this.#onFailure(failure.error)
      await elapse(this.#terms.clock, resendMs, until)
    }
    throw this.closedError()
  }

  /**
   * Sends an answer, unless the request is abandoned. If the event of an answer came before, the response is still
   * waited for, because it tells whether this answer was the one.
   */
  #send(answer: PolicyAnswer): Promise<void> {
    const sent = this.#terms.send(answer)
    const abandoned = this.#whenAbandoned.catch((error: unknown) => {
      if (this.#reason === answered) return sent
      throw error
    })
    return Promise.race([sent, abandoned])
  }

  /** Closes the request. Never rejects: that the turn ends meanwhile does not change that the answer was taken. */
  async #onTaken(answer: PolicyAnswer): Promise<void> {
    this.close(answered)
    await Promise.race([this.#terms.onTaken?.(answer), this.#whenAbandoned]).catch(() => undefined)
  }

  /** Throws unless the server did not respond to an answer and the request is still open. */
  #onFailure(error: unknown): void {
    if (!(error instanceof HttpError)) return
    if (isMissing(error)) this.close(answered)
    if (this.#reason !== undefined) throw this.closedError()
    const message = `${this.#name} is still open, because the server refused the answer: ${error.message}`
    throw new OpenCodeRuntimeError(message, { cause: error })
  }
}

/** Reason for the end of a request that this or another client of the server has answered. */
export const answered = 'it was answered'

const noFailure = (): undefined => undefined

const isMissing = (error: unknown): boolean => error instanceof HttpError && error.status === 404
