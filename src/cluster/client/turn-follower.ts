import { elapse, type SystemClock } from '../../actors/clock.ts'
import { cancelledTurn, type TurnCause } from '../../actors/turn/refusal.ts'
import { asRuntimeError } from '../../errors.ts'
import type { InputRequest, RequestAnswer } from '../../replies.ts'
import { keyOf, type AgentKey, type CallerStore, type MailMessage } from '../store/cluster-store.ts'
import type { SentTurn } from '../turn-facts.ts'
import type { CallerPolicies, CheckedInput } from './checked-input.ts'
import { notEnded, notSent, otherAgent } from './ends.ts'
import { findAgent, type FoundAgent } from './find-agent.ts'
import { LogReader, type FactsListener } from './log-reader.ts'
import { policyAnswer } from './policy-answer.ts'
import { messageOfTurn } from './large-turn.ts'
import { mayHaveArrived, post, untilTaken } from './post.ts'
import { TurnView } from './turn-view.ts'

/** Time in which a message must reach an inbox, in ms. */
const mostSendMs = 60_000
/** Time limit of a turn that names none: the usual one of a host, counted from the last record of the turn, in ms. */
const usualDeadlineMs = 1_800_000
/** Time for the last look at a turn that no host has ended, and for the way of a turn that is cancelled, in ms. */
const patienceMs = 5_000

/** Parts of a connection to a cluster that its turns share. */
export interface CallerTerms {
  readonly store: Pick<CallerStore, 'inbox' | 'records' | 'parcels'>
  readonly clock: SystemClock
  /** Time beyond a turn's limit in which a host may end the turn, in ms. */
  readonly graceMs: number
  /** Signal that aborts when the connection is closed. */
  readonly closed: AbortSignal
}

/** Sends a turn to the owner of its agent, and follows the records of the turn until the end. */
export class TurnFollower {
  readonly id: string
  readonly view: TurnView
  readonly #terms: CallerTerms
  readonly #policies: CallerPolicies
  readonly #onFacts: FactsListener | undefined
  /** Requests for which the caller's own policy was called. */
  readonly #decided = new Set<string>()
  /** Aborts when the turn has its end. */
  readonly #over = new AbortController()
  #agent: AgentKey | undefined
  #reader: LogReader | undefined
  /** True until the inbox has the turn, or the agent of the turn is found. */
  #isOnItsWay = true
  /** True for a turn whose agent is found by the id. */
  #isSought = false
  #arrived: Promise<void> = Promise.resolve()
  #isCancelled = false

  /** @param onFacts - receives the facts of each stored batch, after they have changed the view */
  constructor(
    id: string,
    traceId: string | null,
    terms: CallerTerms,
    { policies = {}, onFacts }: { policies?: CallerPolicies; onFacts?: FactsListener | undefined } = {},
  ) {
    this.id = id
    this.view = new TurnView(traceId)
    this.#terms = terms
    this.#policies = policies
    this.#onFacts = onFacts
  }

  /** Id of the agent; `undefined` until the agent of the turn is found. */
  get agentId(): string | undefined {
    return this.#agent?.agentId
  }

  /** Resolves when the inbox has the turn, or the turn has its end; never rejects. */
  get arrived(): Promise<void> {
    return this.#arrived
  }

  /**
   * Sends the turn to the owner of an agent, and follows the turn.
   *
   * @param isForAll - True for a caller of all tenants, for whom an id is one turn, whatever the tenant is. The inbox takes
   * an id once for each tenant.
   */
  send(agent: AgentKey, { sent, isNamed }: CheckedInput, isForAll = false): void {
    const reader = this.#follow(agent)
    const limitMs = Math.min(sent.deadlineMs ?? mostSendMs, mostSendMs)
    let isSent = false
    const post = (): Promise<{ isDuplicate: boolean }> => {
      isSent = true
      return this.#postTurn(agent, sent, limitMs)
    }
    const posted = isNamed && isForAll ? this.#requireOwn(agent).then(post) : post()
    this.#arrived = posted.then(
      ({ isDuplicate }) => {
        this.#isOnItsWay = false
        if (this.view.isOver) void this.#postCancel()
        void this.#limit(reader, sent.deadlineMs, true)
        if (isNamed || isDuplicate) void reader.look()
        if (isNamed && isDuplicate) void this.#requireAgent(agent)
      },
      (error: unknown) => {
        // Without an attempt to send it, a turn of the agent with the id is of another caller.
        if (isSent && mayHaveArrived(error)) void this.#postCancel()
        this.end(notSent(error))
      },
    )
  }

  /** Follows a turn that some caller has sent, from its first reply. */
  attach(): void {
    this.#isSought = true
    this.#arrived = this.#find().then((found) => {
      if ('cause' in found) this.end(found.cause)
      else void this.join(found.agent, null)
    })
  }

  /**
   * Follows a turn of an agent that some caller has sent, from its first reply. Resolves when all that is stored was read.
   *
   * @param deadlineMs - time limit of the turn in ms, if known
   */
  join(agent: AgentKey, deadlineMs: number | null): Promise<void> {
    this.#isOnItsWay = false
    const reader = this.#follow(agent)
    void this.#limit(reader, deadlineMs, false)
    return reader.look()
  }

  /** Reads what may have been missed. */
  look(): void {
    if (!this.view.isOver) void this.#reader?.look()
  }

  /** Ends the turn for its caller. On its host, the turn may go on. */
  end(cause: TurnCause): void {
    this.view.end(cause)
    this.#over.abort()
  }

  /** Asks the host to cancel the turn, whose end follows. A turn that cannot be sent ends at once. */
  async cancel(): Promise<void> {
    if (this.#isCancelled || this.view.isOver) return
    this.#isCancelled = true
    // The search for the agent of a turn has an end of its own, and until then the turn may begin.
    const patience = this.#isSought ? [] : [elapse(this.#terms.clock, patienceMs, this.#over.signal)]
    await Promise.race([this.#arrived, ...patience])
    if (this.#over.signal.aborted) return
    if (this.#isOnItsWay) this.end(cancelledTurn)
    else await this.#postCancel()
  }

  /** Answers a request. @throws RequestClosedError, or InvalidOptionsError */
  async answer(requestId: string, answer: RequestAnswer): Promise<void> {
    await this.view.requests.answer(requestId, answer, async () => {
      try {
        await this.#post({ type: 'answer', requestId, answer }, mostSendMs, this.#over.signal)
      } catch (error) {
        throw asRuntimeError(error, 'The answer could not be sent')
      }
    })
  }

  #follow(agent: AgentKey): LogReader {
    this.#agent = agent
    const { store, clock } = this.#terms
    this.#reader = new LogReader({
      records: store.records,
      agent,
      turnId: this.id,
      clock,
      signal: this.#over.signal,
      onFacts: (facts, place) => {
        for (const { fact } of facts) this.view.apply(fact)
        this.#onFacts?.(facts, place)
        if (this.view.isOver) this.#over.abort()
      },
      onLevel: () => this.#decideAll(),
    })
    return this.#reader
  }

  #find(tenant?: string): Promise<FoundAgent> {
    const { store, clock, graceMs } = this.#terms
    const { signal } = this.#over
    return findAgent({ records: store.records, turnId: this.id, tenant, clock, limitMs: graceMs, signal })
  }

  /** Ends the turn if its id belongs to a turn of another agent: the inbox takes an id once for each tenant. */
  async #requireAgent(agent: AgentKey): Promise<void> {
    const { clock, graceMs } = this.#terms
    while (!this.view.isOver) {
      const found = await this.#find(agent.tenant)
      if ('cause' in found) await elapse(clock, graceMs, this.#over.signal)
      else if (keyOf(found.agent) === keyOf(agent)) return
      else this.end(otherAgent(this.id))
    }
  }

  /** Ends the turn before it is sent if a host has begun a turn of another agent with its id, of any tenant. */
  async #requireOwn(agent: AgentKey): Promise<void> {
    // A log that cannot be read now does not keep the turn back.
    const found = await this.#terms.store.records.find(this.id).catch(() => undefined)
    if (found && keyOf(found) !== keyOf(agent)) this.end(otherAgent(this.id))
    this.#over.signal.throwIfAborted()
  }

  /**
   * Ends the turn if no host ends it by its deadline, or by the usual one after its last record.
   *
   * @param isSender - True to cancel the turn, too: who only follows a turn may not know its deadline.
   */
  async #limit(reader: LogReader, deadlineMs: number | null, isSender: boolean): Promise<void> {
    const { clock, graceMs } = this.#terms
    const { signal } = this.#over
    const sentAt = clock.now()
    const leftMs = (): number => {
      const from = deadlineMs === null ? Math.max(sentAt, reader.heardAt) : sentAt
      return from + (deadlineMs ?? usualDeadlineMs) + graceMs - clock.now()
    }
    for (let left = leftMs(); left > 0 && !signal.aborted; left = leftMs()) await elapse(clock, left, signal)
    await Promise.race([reader.look(), elapse(clock, patienceMs, signal)])
    if (this.view.isOver) return
    if (isSender) void this.#postCancel()
    this.end(notEnded)
  }

  #decideAll(): void {
    for (const { request } of this.view.requests.open) {
      if (this.#decided.has(request.id)) continue
      this.#decided.add(request.id)
      void this.#decide(request)
    }
  }

  async #decide(request: InputRequest): Promise<void> {
    const answer = await policyAnswer(request, this.#policies)
    // A request that stays open is rejected by its host at the time limit.
    if (answer !== undefined) await this.answer(request.id, answer).catch(() => undefined)
  }

  /** Sends the turn, after its content if that is larger than a message. */
  async #postTurn(agent: AgentKey, sent: SentTurn, limitMs: number): Promise<{ isDuplicate: boolean }> {
    const { store, clock } = this.#terms
    const { signal } = this.#over
    const until = clock.now() + limitMs
    const turn = await untilTaken(() => messageOfTurn(sent, agent, store), { clock, limitMs, signal })
    return this.#post({ type: 'turn', turn }, Math.max(0, until - clock.now()), signal)
  }

  #post(message: MailMessage, limitMs: number, signal: AbortSignal): Promise<{ isDuplicate: boolean }> {
    const { store, clock } = this.#terms
    const agent = this.#agent ?? { tenant: '', agentId: '' }
    return post({ inbox: store.inbox, agent, turnId: this.id, message, clock, limitMs, signal })
  }

  /** Cancels the turn on its host. If that fails, the turn ends by itself, at its deadline at the latest. */
  async #postCancel(): Promise<void> {
    await this.#post({ type: 'cancel' }, mostSendMs, this.#terms.closed).catch(() => undefined)
  }
}
