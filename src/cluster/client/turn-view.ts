import { ReplaySubject } from 'rxjs'
import { ReplayBuffer } from '../../actors/turn/replay-buffer.ts'
import { errorReply, type TurnCause } from '../../actors/turn/refusal.ts'
import { TurnTodos } from '../../actors/turn/todos.ts'
import type { TurnState, TurnStatus } from '../../actors/turn/turn-record.ts'
import { isTerminal, noUsage, type Reply, type TerminalReply, type Usage } from '../../replies.ts'
import { deferred } from '../../util/deferred.ts'
import type { NumberedFact } from '../record-parts.ts'
import { erasedTurn } from './ends.ts'
import { RemoteRequests } from './remote-requests.ts'

/** Text that a turn keeps for late subscribers before neighbouring deltas are merged, in bytes. */
const maxReplayBytes = 16 * 1024 * 1024

/** State and outputs of a turn, made from its facts. Exactly one terminal reply comes last. */
export class TurnView {
  readonly replay = new ReplayBuffer(maxReplayBytes)
  readonly requests = new RemoteRequests()
  readonly todos = new TurnTodos()
  readonly status$ = new ReplaySubject<TurnStatus>()
  readonly done = deferred<TerminalReply>()
  readonly sessionId = deferred<string | undefined>()
  traceId: string | null
  usage: Usage = noUsage()
  isOver = false
  /** Text of the answer since the last start. */
  #text = ''
  #restarts = 0
  #state: TurnState['state'] = 'queued'

  /** @param traceId - trace id of the turn; `null` if the first reply tells it */
  constructor(traceId: string | null) {
    this.traceId = traceId
    this.status$.next({ at: Date.now(), state: 'queued' })
  }

  /** Takes a fact of the turn. Facts after the end change nothing. */
  apply(fact: NumberedFact['fact']): void {
    if (this.isOver) return
    if (fact.kind === 'reply') this.#onReply(fact.reply, fact.usage)
    else if (fact.kind === 'status') this.#setStatus(fact.status)
    else if (fact.kind === 'session') this.sessionId.resolve(fact.sessionId)
    else if (fact.kind === 'todos') this.todos.take(fact.todos)
    else if (fact.kind === 'request') this.requests.ask(fact.pending)
    else if (fact.kind === 'request_closed') this.requests.close(fact.requestId, fact.by)
    else if (fact.kind === 'restarted') this.#onRestart()
    else if (fact.kind === 'erased') this.end(erasedTurn)
    // The requests of an earlier owner have no one who takes their answers.
    else if (fact.kind === 'claimed') this.requests.abandon()
  }

  /** Ends the turn for a reason that is not in the log. */
  end(cause: TurnCause): void {
    if (this.isOver) return
    const reply = errorReply(this.traceId, cause, (text) => text)
    this.#onReply({ ...reply, ...(this.#text !== '' && { partial: this.#text }) }, undefined)
  }

  #onReply(reply: Reply, usage: Usage | undefined): void {
    this.traceId = reply.trace_id
    if (usage) this.usage = usage
    if (reply.kind === 'delta') this.#text += reply.content
    this.isOver = isTerminal(reply)
    this.replay.push(reply)
    if (!isTerminal(reply)) return
    this.status$.next({ at: Date.now(), state: 'done' })
    this.replay.complete()
    this.requests.complete()
    this.todos.complete()
    this.status$.complete()
    this.sessionId.resolve(undefined)
    this.done.resolve(reply)
  }

  #setStatus(status: TurnStatus): void {
    const isSame = status.state === this.#state && status.state === 'queued'
    this.#state = status.state
    if (!isSame) this.status$.next(status)
  }

  #onRestart(): void {
    this.#text = ''
    this.#restarts++
    const at = Date.now()
    const message = 'The host of the agent died while the turn ran'
    this.#setStatus({ at, state: 'retrying', attempt: this.#restarts, message, nextAt: at })
  }
}
