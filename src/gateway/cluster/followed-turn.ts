import type { Turn } from '../../api/turn-handle.ts'
import type { FollowedHandle } from '../../cluster/client/caller-parts.ts'
import type { BatchPlace } from '../../cluster/client/log-reader.ts'
import type { NumberedFact } from '../../cluster/record-parts.ts'
import type { AgentKey } from '../../cluster/store/cluster-store.ts'
import type { TurnNote } from '../../cluster/store/records.ts'
import { isTerminal, noUsage, type TerminalReply, type Usage } from '../../replies.ts'
import { onAbort } from '../../util/abort-signal.ts'
import { terminalOnWire } from '../schemas/turn.ts'
import type { LoggedState, LoggedTurn } from '../turns/turn-log.ts'
import type { RequestNews } from '../turns/turn-source.ts'
import { repliesOf, type RecordPages } from './record-pages.ts'
import { RecordTail, type Batch } from './record-tail.ts'

/** Terms of a followed turn. */
export interface FollowedTerms {
  readonly id: string
  readonly agent: AgentKey
  readonly pages: RecordPages
  readonly onNews: (news: RequestNews) => void
}

/** Turn of the cluster, followed once for all its readers at this gateway. No reader slows another one. */
export class FollowedTurn {
  readonly id: string
  readonly agent: AgentKey
  /** Number of the last record that was read; 0 before the first one. */
  lastRecord = 0
  lastSeq = 0
  /** True if the end is not in the log, such as a refusal: the same id may be a turn that runs. */
  isCutOff = false
  readonly #terms: FollowedTerms
  readonly #tail = new RecordTail()
  readonly #waiting = new Set<() => void>()
  readonly #openRequests = new Set<string>()
  #handle: FollowedHandle | undefined
  #isErased = false
  #reply: TerminalReply | null = null
  #sessionId: string | null = null
  #state: LoggedState = 'queued'
  #usage: Usage = noUsage()
  #beganAt: number | null = null
  #endedAt: number | null = null

  constructor(terms: FollowedTerms) {
    this.id = terms.id
    this.agent = terms.agent
    this.#terms = terms
  }

  /** Sets the handle of the turn, which follows the records. */
  attach(handle: FollowedHandle): this {
    this.#handle = handle
    // An end that is not in the log, such as that of a turn that no host has ended in time.
    void handle.turn.done.then((reply) => {
      if (!this.isOver) this.#end(reply)
    })
    return this
  }

  get turn(): Turn {
    return this.#required.turn
  }

  /** Resolves when the turn is on its way, or all that is stored was read. Never rejects. */
  get settled(): Promise<void> {
    return this.#required.settled
  }

  /** True if the turn has its end. */
  get isOver(): boolean {
    return this.#reply !== null || this.#isErased
  }

  /** Ends the following. The turn goes on. */
  detach(): void {
    this.#required.detach()
  }

  /** Takes the facts of a stored batch. */
  take(facts: readonly NumberedFact[], place: BatchPlace): void {
    this.lastRecord = place.last
    for (const { fact } of facts) this.#note(fact)
    const replies = repliesOf(facts)
    const size = this.#tail.add(replies)
    this.lastSeq = replies.at(-1)?.seq ?? this.lastSeq
    if (place.isWhole) this.#terms.pages.mark(place, size)
    const last = replies.at(-1)?.reply
    if (last && isTerminal(last)) this.#reply = last
    this.#wake()
  }

  /** Returns the turn as a log keeps it. */
  logged(note: TurnNote | undefined): LoggedTurn {
    const now = Date.now()
    return {
      turnId: this.id,
      ...this.agent,
      tokenId: note?.tokenId ?? '',
      sessionId: this.#sessionId ?? note?.sessionId ?? null,
      traceId: note ? note.traceId : this.turn.traceId,
      model: note?.model ?? null,
      state: this.isOver ? 'done' : this.#state,
      createdAt: note?.at ?? this.#beganAt ?? now,
      endedAt: this.isOver ? (this.#endedAt ?? now) : null,
      lastSeq: this.lastSeq,
      reply: this.#reply,
      hasTexts: !this.#isErased,
      usage: this.#usage,
    }
  }

  /** Reads the replies after a number, then live ones, until the terminal reply. */
  async *read(after: number, signal?: AbortSignal): AsyncGenerator<Batch, void> {
    for (let next = after; !signal?.aborted;) {
      const isBehind = this.#tail.isBehind(next)
      const batch = isBehind ? await this.#terms.pages.read(next, signal) : this.#tail.after(next)
      const last = batch?.at(-1)
      if (batch && last) {
        yield batch
        if (isTerminal(last.reply)) return
        next = last.seq
      } else if (this.isOver || isBehind) return
      else await this.#change(signal)
    }
  }

  get #required(): FollowedHandle {
    if (!this.#handle) throw new TypeError('The turn has no handle yet')
    return this.#handle
  }

  #note(fact: NumberedFact['fact']): void {
    if (fact.kind === 'started') this.#state = 'running'
    else if (fact.kind === 'erased') this.#isErased = true
    else if (fact.kind === 'session') this.#sessionId = fact.sessionId
    else if (fact.kind === 'status') this.#beganAt ??= fact.status.at
    else if (fact.kind === 'reply') {
      this.#usage = fact.usage ?? this.#usage
      if (isTerminal(fact.reply)) this.#endedAt = fact.at ?? null
    } else if (fact.kind === 'request') {
      const { pending } = fact
      if (pending.expiresAt <= pending.at) return
      this.#openRequests.add(pending.request.id)
      this.#tell({ type: 'request', pending: { ...pending, ...this.agent } })
    } else if (fact.kind === 'request_closed') this.#close(fact.requestId, fact.by)
    else if (fact.kind === 'claimed') for (const id of [...this.#openRequests]) this.#close(id, 'turn')
  }

  #close(requestId: string, by: 'answer' | 'timeout' | 'turn'): void {
    if (this.#openRequests.delete(requestId)) this.#tell({ type: 'request_closed', requestId, by })
  }

  #tell(news: RequestNews['news']): void {
    this.#terms.onNews({ turnId: this.id, news })
  }

  /** Ends the turn for its readers with a reply that is not in the log. */
  #end(reply: TerminalReply): void {
    this.#reply = terminalOnWire(reply)
    this.#endedAt = Date.now()
    this.isCutOff = true
    this.lastSeq = Math.max(this.lastRecord, this.lastSeq) + 1
    this.#tail.add([{ seq: this.lastSeq, reply: this.#reply }])
    this.#wake()
  }

  #wake(): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const wake of waiting) wake()
  }

  /** Resolves when something of the turn changes, or when the reader goes. */
  #change(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        stopListening()
        this.#waiting.delete(wake)
        resolve()
      }
      const stopListening = onAbort(signal, wake)
      this.#waiting.add(wake)
    })
  }
}
