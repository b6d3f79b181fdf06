import { elapse, type SystemClock } from '../../../actors/clock.ts'
import { cancelledTurn, deadlineExceeded, errorReply, type TurnCause } from '../../../actors/turn/refusal.ts'
import type { TurnInput } from '../../../api/turn-input.ts'
import { orAborted } from '../../../util/abort-signal.ts'
import type { AgentRunner } from '../../agent-runner.ts'
import type { ContextKeys } from '../../context-seal.ts'
import type { AgentKey, ClusterStore, Mail } from '../../store/cluster-store.ts'
import type { SentTurn, TurnFact } from '../../turn-facts.ts'
import { RecordWriter } from '../record-writer.ts'
import type { TurnGate } from '../turn-gate.ts'
import { readLeftTurn, type LeftTurn } from './left-turn.ts'
import { RecordedTurn } from './recorded-turn.ts'
import { RequestBoard } from './request-board.ts'
import { sentTurnOf } from './sent-turn.ts'
import { openContent, type OpenedContent } from './turn-content.ts'

/** Sessions of the conversations of one agent. */
export interface ConversationSessions {
  get(conversation: string): string | undefined
  set(conversation: string, sessionId: string): void
  delete(conversation: string): void
}

/** Terms under which a host owns the turns of an agent. */
export interface OwnerTerms {
  readonly store: Pick<ClusterStore, 'name' | 'inbox' | 'records' | 'parcels' | 'requests' | 'agents'>
  readonly agent: AgentKey
  readonly hostId: string
  readonly epoch: number
  readonly clock: SystemClock
  /** Returns the time, in epoch ms. */
  readonly now: () => number
  readonly runner: Pick<AgentRunner, 'turn' | 'deleteSession'>
  /** Message of the end of each turn, if the agent cannot be used on this host. */
  readonly failure: string | undefined
  /** Keys of the contexts of turns; `undefined` for a host that opens none. */
  readonly contexts?: ContextKeys | undefined
  readonly gate: TurnGate
  /** Sessions of the agent's conversations on this host, which outlive the ownership. */
  readonly sessions: ConversationSessions
  /** Saves the agent's home before the end of a turn is told. */
  readonly saveBeforeEnd: ((signal: AbortSignal) => Promise<void>) | undefined
}

/** Stage of a turn at its owner. */
type Stage = 'taking' | 'waiting' | 'entering' | 'running' | 'ended'

/** Turn of an agent at its owner: claimed, run, and ended by exactly one stored terminal reply. */
export class OwnedTurn {
  readonly sent: SentTurn
  stage: Stage = 'taking'
  readonly #terms: OwnerTerms
  readonly #at: number
  /** Aborts when the owner has lost the agent. */
  readonly #lost: AbortSignal
  /** Aborts when the turn ends, or the owner has lost the agent. */
  readonly #over: AbortSignal
  readonly #ended = new AbortController()
  readonly #onEnd: (turn: OwnedTurn) => void
  readonly #writer: RecordWriter
  readonly #board: RequestBoard
  #running: RecordedTurn | undefined
  #answers: [requestId: string, answer: unknown][] = []
  #isCancelled = false
  #isEnding = false

  /**
   * @param lost - signal that aborts when the owner has lost the agent
   * @param onEnd - called once, when the end of the turn is stored
   */
  constructor(mail: Mail, terms: OwnerTerms, lost: AbortSignal, onEnd: (turn: OwnedTurn) => void) {
    this.sent = sentTurnOf(mail)
    this.#onEnd = onEnd
    this.#terms = terms
    this.#at = mail.at
    this.#lost = lost
    this.#over = AbortSignal.any([lost, this.#ended.signal])
    const { store, agent, hostId, epoch, clock } = terms
    const { turnId } = this.sent
    const owned = { agent, turnId, epoch, clock, signal: lost }
    this.#writer = new RecordWriter({ ...owned, records: store.records, hostId })
    this.#board = new RequestBoard({ ...owned, requests: store.requests })
  }

  get isEnded(): boolean {
    return this.stage === 'ended'
  }

  /** Resolves when the list of the open requests is stored as it is now, or cannot be stored; never rejects. */
  get listed(): Promise<void> {
    return this.#board.saved()
  }

  /**
   * Makes the turn the owner's own, and ends a turn that an earlier owner has begun and that cannot run again.
   *
   * @throws FencedError if a later owner has the agent
   */
  async take(): Promise<void> {
    const found = await this.#writer.claim()
    if (found !== 'new') this.#board.clear(true)
    if (found === 'ended') {
      this.#settle()
      return
    }
    const left = found === 'left' ? await this.#readLeft() : undefined
    if (this.#isCancelled) return this.#end(cancelledTurn)
    if (left?.hasStarted) {
      const mayResume = this.sent.input['resume'] === true && left.isTextOnly
      if (!mayResume) return this.#end(serverDied, left.partial)
      this.#writer.push({ kind: 'restarted' })
    }
    this.stage = 'waiting'
    void this.#limit()
  }

  /**
   * Runs the turn when a place is free, and stores its end.
   *
   * @param draining - signal that lets the turn wait on, because the owner gives the agent up
   * @throws FencedError if a later owner has the agent
   */
  async run(draining: AbortSignal): Promise<void> {
    this.stage = 'entering'
    const { gate, agent, failure } = this.#terms
    const stopped = AbortSignal.any([this.#over, draining])
    const leave = await gate.enter(agent.tenant, this.sent.priority, stopped)
    if (this.#isEnding || stopped.aborted || !leave) {
      leave?.()
      if (!this.#isEnding) this.stage = 'waiting'
      return
    }
    try {
      if (failure !== undefined) {
        await this.#end({ code: 'server_unavailable', error: failure, retryable: true })
        return
      }
      this.stage = 'running'
      this.#writer.push({ kind: 'started' })
      await this.#writer.flushed()
      // The answer of the store may come after the owner has lost the agent, and has ended all that ran.
      this.#lost.throwIfAborted()
      await (this.#isCancelled ? this.#end(cancelledTurn) : this.#record())
    } finally {
      leave()
    }
  }

  /** Ends a turn that no host has run in time, and that no host has ended. @throws FencedError */
  async expire(deadlineMs: number): Promise<void> {
    await this.take()
    if (this.stage !== 'ended') await this.#end(deadlineExceeded(deadlineMs))
    await this.#writer.flushed()
  }

  /** Cancels the turn: at once if it waits, else by its server. */
  async cancel(): Promise<void> {
    this.#isCancelled = true
    this.#running?.cancel()
    if (this.stage === 'waiting' || this.stage === 'entering') await this.#end(cancelledTurn)
  }

  answer(requestId: string, answer: unknown): void {
    if (this.#running) this.#running.answer(requestId, answer)
    else this.#answers.push([requestId, answer])
  }

  /** Ends the work of a turn whose agent has another owner now, without a word in the store. */
  abandon(): void {
    this.#running?.stop()
    this.#running?.cancel()
  }

  async #record(): Promise<void> {
    const { runner, agent, sessions, saveBeforeEnd, now } = this.#terms
    const content = await this.#readOn(() => openContent(this.sent, this.#terms))
    if (this.#isCancelled) return this.#end(cancelledTurn)
    if ('error' in content) return this.#end({ code: 'rejected', error: content.error })
    const { conversation } = this.sent
    const running = new RecordedTurn(runner.turn(agent, this.#input(content)), {
      sent: this.sent,
      push: (fact) => {
        this.#writer.push(fact)
        this.#board.note(fact)
      },
      onSession: (sessionId) => sessions.set(conversation, sessionId),
      now,
    })
    this.#running = running
    for (const [requestId, answer] of this.#answers) running.answer(requestId, answer)
    const { fact, reply } = await orAborted(running.end(), this.#lost)
    // The session may have been in a home that another owner's has replaced.
    if (reply.kind === 'error' && reply.code === 'session_not_found') sessions.delete(conversation)
    const saved = saveBeforeEnd ? orAborted(saveBeforeEnd(this.#lost), this.#lost) : undefined
    await Promise.all([this.#writer.flushed(), saved])
    await this.#store(fact)
    if (this.sent.isThrowAway) void running.sessionId.then((sessionId) => this.#deleteSession(sessionId))
  }

  /** Deletes the session of a turn that has its end. A session that stays is a session too many, and no more. */
  async #deleteSession(sessionId: string | undefined): Promise<void> {
    const { runner, agent } = this.#terms
    if (sessionId !== undefined) await runner.deleteSession(agent, sessionId).catch(() => undefined)
  }

  /** Returns the input of the turn as the fleet takes it. */
  #input({ input, ...context }: Exclude<OpenedContent, { error: string }>): TurnInput {
    const { turnId, traceId, priority, conversation, deadlineMs } = this.sent
    const sessionId = (input['sessionId'] as string | undefined) ?? this.#terms.sessions.get(conversation)
    const given = input as unknown as TurnInput
    return {
      ...given,
      ...context,
      turnId,
      traceId,
      priority,
      ...(sessionId !== undefined && { sessionId }),
      ...(deadlineMs !== null && { deadlineMs: Math.max(1, Math.ceil(this.#leftMs(deadlineMs))) }),
    }
  }

  #leftMs(deadlineMs: number): number {
    return deadlineMs - (this.#terms.now() - this.#at)
  }

  /** Ends the turn at its time limit if it still waits. */
  async #limit(): Promise<void> {
    const { deadlineMs } = this.sent
    if (deadlineMs === null) return
    await elapse(this.#terms.clock, Math.max(0, this.#leftMs(deadlineMs)), this.#over)
    if (this.stage === 'waiting' || this.stage === 'entering')
      // A later owner ends the turn if this one has lost the agent.
      await this.#end(deadlineExceeded(deadlineMs)).catch(() => undefined)
  }

  #readLeft(): Promise<LeftTurn> {
    const { store, agent } = this.#terms
    return this.#readOn(() => readLeftTurn(store.records, agent, this.sent.turnId, this.#lost))
  }

  /** Reads from the store until it answers. */
  async #readOn<T>(read: () => Promise<T>): Promise<T> {
    for (;;) {
      this.#lost.throwIfAborted()
      try {
        return await read()
      } catch {
        await elapse(this.#terms.clock, retryMs, this.#lost)
      }
    }
  }

  async #end(cause: TurnCause, partial = ''): Promise<void> {
    const reply = errorReply(this.sent.traceId, cause, (text) => text)
    await this.#store({ kind: 'reply', reply: { ...reply, ...(partial !== '' && { partial }) } })
  }

  async #store(fact: TurnFact): Promise<void> {
    if (this.#isEnding) return
    this.#isEnding = true
    this.#writer.push(fact)
    await this.#writer.flushed()
    this.#settle()
  }

  #settle(): void {
    this.stage = 'ended'
    this.#board.clear()
    this.#ended.abort()
    this.#onEnd(this)
  }
}

/** Wait before records are read again from a store that did not answer, in ms. */
const retryMs = 100

const serverDied: TurnCause = {
  code: 'server_died',
  error: 'The host of the agent died while the turn ran',
  retryable: true,
}
