import type { Subscription } from 'rxjs'
import type { TurnStatus } from '../../../actors/turn/turn-record.ts'
import {
  isTerminal,
  type PendingRequest,
  type Reply,
  type TerminalReply,
  type Usage,
} from '../../../replies.ts'
import type { RunningTurn } from '../../agent-runner.ts'
import type { SentTurn, TurnFact } from '../../turn-facts.ts'
import { ignoreErrors } from '../../../util/ignore-errors.ts'

/** Terms of a recorded turn. */
export interface RecordingTerms {
  readonly sent: SentTurn
  /** Receives the facts, in order; all but the terminal reply. */
  readonly push: (fact: TurnFact) => void
  /** Receives the session, once. */
  readonly onSession: (sessionId: string) => void
  /** Returns the time, in epoch ms. */
  readonly now: () => number
}

/** Running turn whose replies, states and requests become facts. */
export class RecordedTurn {
  readonly #turn: RunningTurn
  readonly #terms: RecordingTerms
  readonly #subscriptions: Subscription[]
  readonly #open = new Map<string, PendingRequest>()
  readonly #answered = new Set<string>()
  /** Answers that came before their requests, after a restart of the turn's owner. */
  readonly #early = new Map<string, unknown>()
  #usage = ''
  #hasSession = false
  #isOver = false

  constructor(turn: RunningTurn, terms: RecordingTerms) {
    this.#turn = turn
    this.#terms = terms
    void turn.sessionId.then((id) => this.#onSession(id))
    this.#subscriptions = [
      turn.status$.subscribe((status) => this.#onStatus(status)),
      turn.openRequests$.subscribe((open) => this.#onOpen(open)),
      turn.requests$.subscribe((request) => {
        // A request that waits is in the list before it is emitted; any other one has its answer.
        if (this.#open.has(request.id) || this.#answered.has(request.id)) return
        const at = terms.now()
        const { turnId, traceId } = terms.sent
        terms.push({ kind: 'request', pending: { request, turnId, traceId, at, expiresAt: at } })
        terms.push({ kind: 'request_closed', requestId: request.id, by: 'answer' })
      }),
      turn.todos$.subscribe((todos) => terms.push({ kind: 'todos', todos })),
      turn.replies$.subscribe((reply) => {
        if (isTerminal(reply)) this.#isOver = true
        else terms.push(this.#factOf(reply))
      }),
    ]
  }

  /** Session of the turn. */
  get sessionId(): Promise<string | undefined> {
    return this.#turn.sessionId
  }

  /** Resolves with the fact of the terminal reply, when all other facts were pushed. */
  async end(): Promise<{ fact: TurnFact; reply: TerminalReply }> {
    const [reply, sessionId] = await Promise.all([this.#turn.done, this.#turn.sessionId])
    this.#onSession(sessionId)
    this.stop()
    return { fact: { kind: 'reply', reply, usage: this.#turn.usage }, reply }
  }

  /** Pushes no further facts. */
  stop(): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe()
    this.#hasSession = true
  }

  cancel(): void {
    this.#turn.cancel()
  }

  /** Answers a request, also one that is still to come. */
  answer(requestId: string, answer: unknown): void {
    if (!this.#open.has(requestId)) {
      this.#early.set(requestId, answer)
      return
    }
    this.#answered.add(requestId)
    // An answer that does not fit leaves the request open.
    this.#turn.answer(requestId, answer as never).catch(() => this.#answered.delete(requestId))
  }

  #onOpen(list: readonly PendingRequest[]): void {
    const ids = new Set(list.map(({ request }) => request.id))
    for (const [id, { expiresAt }] of this.#open) if (!ids.has(id)) this.#close(id, expiresAt)
    for (const pending of list) if (!this.#open.has(pending.request.id)) this.#onRequest(pending)
  }

  #close(requestId: string, expiresAt: number): void {
    this.#open.delete(requestId)
    const isLate = !this.#answered.has(requestId) && this.#terms.now() >= expiresAt
    const by = this.#isOver ? 'turn' : isLate ? 'timeout' : 'answer'
    this.#terms.push({ kind: 'request_closed', requestId, by })
  }

  #onRequest(pending: PendingRequest): void {
    const { id } = pending.request
    this.#open.set(id, pending)
    // The fleet may know the turn by another id.
    this.#terms.push({ kind: 'request', pending: { ...pending, turnId: this.#terms.sent.turnId } })
    const early = this.#early.get(id)
    // The list is emitted before the turn takes answers to its new entry.
    queueMicrotask(() => {
      if (early !== undefined) this.answer(id, early)
      else if (!this.#terms.sent.answers) this.answer(id, 'reject')
    })
  }

  #onStatus(status: TurnStatus): void {
    if (status.state !== 'done') this.#terms.push({ kind: 'status', status })
  }

  #onSession(sessionId: string | undefined): void {
    if (sessionId === undefined || this.#hasSession) return
    this.#hasSession = true
    this.#terms.push({ kind: 'session', sessionId })
    ignoreErrors(() => this.#terms.onSession(sessionId))
  }

  /** Returns the fact of a reply, with the usage if it has changed, and with the time of a tool's call or result. */
  #factOf(reply: Reply): TurnFact {
    const usage: Usage = this.#turn.usage
    const text = JSON.stringify(usage)
    const isOfTool = reply.kind === 'tool_call' || reply.kind === 'tool_result'
    const fact = { kind: 'reply', reply, ...(isOfTool && { at: this.#terms.now() }) } as const
    if (text === this.#usage) return fact
    this.#usage = text
    return { ...fact, usage }
  }
}
