import { HttpError } from '../io/client.ts'
import { abortWork } from './abort-work.ts'
import type { CompiledOptions } from '../options.ts'
import { isTerminal } from '../replies.ts'
import type { ErrorReply, InputRequest, OpenCodeEvent, Reply, TerminalReply, TurnOutput } from '../replies.ts'
import { elapse, type SystemClock } from './clock.ts'
import { exhaustedCode } from './failure.ts'
import { answerRequest, decide } from './policy.ts'
import { TurnReducer, type TurnSnapshot } from './reducer.ts'
import { isNetworkError, refusal, type TurnCause } from './refusal.ts'
import { runtimeOf, type Link } from './runtime.ts'
import { StallWatch } from './stall-watch.ts'
import type { TurnRecord } from './turn-record.ts'

/** How long an error or idle that ends nothing is given before the server is asked what is true. */
const confirmMs = 500
/** How long a turn whose server does not answer waits to be told that it died. */
const verdictMs = 1_000
/** Between two tries of what a gap made necessary. */
const retryMs = 500

/**
 * One turn: waits to be admitted, prompts, follows its session's events through the reducer, answers requests, watches
 * deadline, stall and retries, and gives its terminal reply, exactly once. After a local end it also ends the work on
 * the server, so that the next turn of the session finds it idle.
 */
export class TurnRun {
  readonly #record: TurnRecord
  readonly #options: CompiledOptions
  readonly #clock: SystemClock
  readonly #onReply: (reply: Reply) => void
  readonly #onEnd: (reply: TerminalReply) => void
  /** Ends what the turn asks of the server, once the turn is done. */
  readonly #abort = new AbortController()
  /** Ends what is still asked of it after that. */
  readonly #serverGone = new AbortController()
  readonly #stall: StallWatch
  readonly #startedAt: number
  #reducer: TurnReducer | undefined
  #link: Link | undefined
  #unfollow: (() => void) | undefined
  #prompted: Promise<unknown> | undefined
  #deadline: unknown
  #confirm: unknown
  /** Events that wait for a resync to end; `undefined` while none runs. */
  #missed: OpenCodeEvent[] | undefined
  /** Whether a gap has made necessary what no snapshot has told yet. */
  #isTorn = false

  constructor(
    record: TurnRecord,
    options: CompiledOptions,
    clock: SystemClock,
    events: { onReply: (reply: Reply) => void; onEnd: (reply: TerminalReply) => void },
  ) {
    this.#record = record
    this.#options = options
    this.#clock = clock
    this.#onReply = events.onReply
    this.#onEnd = events.onEnd
    this.#startedAt = clock.now()
    const { stallMs } = record.plan
    this.#stall = new StallWatch(clock, stallMs, () =>
      this.end({ code: 'stalled', error: `The turn made no progress for ${stallMs} ms` }),
    )
  }

  /** Begins to wait: the deadline runs from here. */
  start(): void {
    const { deadlineMs, signal } = this.#record.plan
    this.#deadline = this.#clock.setTimeout(
      () => this.end({ code: 'deadline_exceeded', error: `The turn did not end within ${deadlineMs} ms` }),
      deadlineMs,
    )
    if (signal?.aborted === true) return this.#onSignal()
    signal?.addEventListener('abort', this.#onSignal, { once: true })
  }

  /** The server is healthy and it is this turn's turn. */
  admit(): void {
    this.#run().catch((error: unknown) => this.#onFailure(error))
  }

  /** Ends the turn for a local cause, and its work on the server where `isServerGone` is not set. */
  end(cause: TurnCause, isServerGone = false): void {
    if (isServerGone) this.#serverGone.abort()
    if (this.#record.isDone) return
    const { id, lane, plan } = this.#record
    this.#reducer ??= new TurnReducer({ sessionId: lane.sessionId ?? id, traceId: plan.traceId })
    this.#take(this.#reducer.settle(cause), true)
  }

  /** The actor was stopped from outside: the terminal reply is given at once, nothing else is done. */
  stop(): void {
    this.end({ code: 'cancelled', error: 'The server was shut down' }, true)
    this.#release()
  }

  readonly #onSignal = (): void => this.end({ code: 'cancelled', error: 'The turn was cancelled' })

  async #run(): Promise<void> {
    const { plan, lane, messageId } = this.#record
    const runtime = runtimeOf(this.#options)
    const link = runtime.link
    if (!link || this.#record.isDone) return
    this.#link = link
    this.#record.tell({ state: 'running' })
    this.#stall.start()
    await link.hub.open
    const fallback = { directory: plan.directory ?? this.#options.values.directory, title: plan.title }
    const sessionId = await lane.open(link.client, fallback, this.#abort.signal)
    runtime.joined(lane)
    if (lane.directory !== undefined) runtime.directories.add(lane.directory)
    this.#record.sessionId.resolve(sessionId)
    if (this.#isOver()) return
    this.#reducer = new TurnReducer({ sessionId, messageId, traceId: plan.traceId })
    this.#unfollow = link.hub.follow(sessionId, {
      onEvent: (event) => this.#onEvent(event),
      onGap: () => void this.#resync(),
    })
    const { model, agent = lane.agent, system, parts } = plan
    const body = {
      messageID: messageId,
      model,
      parts,
      ...(agent !== undefined && { agent }),
      ...(system !== undefined && { system }),
    }
    // Never aborted: a prompt may have reached the server, and an abort sent beside it is lost (opencode 1.18.33).
    this.#prompted = link.client.prompt(sessionId, lane.directory, body)
    await this.#prompted
  }

  #isOver(): boolean {
    return this.#record.isDone
  }

  #onFailure(error: unknown): void {
    if (this.#record.isDone) return
    if (error instanceof HttpError) return this.end(refusal(error))
    const { message } = error instanceof Error ? error : new Error(String(error))
    if (!isNetworkError(error)) return this.end({ code: 'internal', error: message })
    // The machine knows within moments whether the server died; if it did not, it does not answer.
    void elapse(this.#clock, verdictMs, this.#abort.signal).then(() =>
      this.end({ code: 'server_unavailable', error: `The server did not answer: ${message}` }),
    )
  }

  #onEvent(event: OpenCodeEvent): void {
    if (this.#missed) return void this.#missed.push(event)
    try {
      this.#follow(event)
    } catch (error) {
      this.end({ code: 'internal', error: error instanceof Error ? error.message : String(error) })
    }
  }

  #follow(event: OpenCodeEvent): void {
    const reducer = this.#reducer
    if (!reducer || this.#record.isDone) return
    this.#stall.onEvent(event)
    this.#take(reducer.push(event))
    if (this.#isOver()) return
    if (event.type === 'session.status' && this.#stall.leaveRetry(event))
      this.#record.tell({ state: 'running' })
    if (event.type === 'message.updated') this.#checkLoop(reducer)
    if (event.type === 'session.error' || event.type === 'session.idle') this.#confirmSoon()
  }

  #take(outputs: readonly TurnOutput[], isLocal = false): void {
    if (this.#reducer) this.#record.usage = this.#reducer.usage
    for (const output of outputs) {
      if (output.type === 'request') void this.#answer(output.request)
      else if (output.type === 'retry') this.#onRetry(output)
      else this.#give(output.reply, isLocal)
      if (this.#record.isDone) return
    }
  }

  #give(reply: Reply, isLocal: boolean): void {
    this.#stall.onReply(reply)
    const shown = reply.kind === 'error' ? this.#masked(reply) : reply
    this.#onReply(shown)
    this.#record.give(shown)
    if (isTerminal(shown)) void this.#finish(shown, isLocal)
  }

  #masked(reply: ErrorReply): ErrorReply {
    return { ...reply, error: this.#options.secrets.mask(reply.error) }
  }

  #onRetry({ attempt, message, nextAt }: TurnOutput & { type: 'retry' }): void {
    const { maxRetries, deadlineMs } = this.#record.plan
    const leftMs = deadlineMs - (this.#clock.now() - this.#startedAt)
    if (attempt > maxRetries || nextAt - Date.now() > leftMs)
      return this.end({ code: exhaustedCode(message), error: message })
    this.#stall.enterRetry()
    this.#record.tell({ state: 'retrying', attempt, message: this.#options.secrets.mask(message), nextAt })
  }

  #checkLoop(reducer: TurnReducer): void {
    if (reducer.unfinished <= this.#record.plan.maxRetries) return
    this.end({
      code: 'provider_unavailable',
      error: 'The provider keeps ending its answers without a finish reason',
    })
  }

  async #answer(request: InputRequest): Promise<void> {
    const { plan, lane, requests$ } = this.#record
    const link = this.#link
    if (!link) return
    this.#stall.enterRequest(request.id)
    requests$.next(request)
    const timeout = new AbortController()
    const answer = await decide(request, plan, elapse(this.#clock, plan.requestTimeoutMs, timeout.signal))
    timeout.abort()
    if (this.#record.isDone) return
    // One that somebody else answered meanwhile is 404; one that cannot be answered is left to the stall watch.
    await answerRequest(link.client, request, answer, lane.directory).catch(() => undefined)
    this.#stall.leaveRequest(request.id)
  }

  /** An error or idle that ended nothing may be the last that is heard: asks, and resyncs where nothing runs. */
  #confirmSoon(): void {
    this.#clock.clearTimeout(this.#confirm)
    this.#confirm = this.#clock.setTimeout(() => void this.#confirmIdle(), confirmMs)
  }

  async #confirmIdle(): Promise<void> {
    const { lane } = this.#record
    const status = await this.#link?.client.status(lane.directory, this.#abort.signal).catch(() => undefined)
    if (isIdle(status, lane.sessionId) && !this.#record.isDone) await this.#resync(true)
  }

  /** Asks the server for what the stream did not tell; events wait meanwhile, and another gap asks anew. */
  async #resync(isSettled = false): Promise<void> {
    if (!this.#reducer || this.#record.isDone) return
    this.#isTorn = true
    if (this.#missed) return
    this.#record.tell({ state: 'resyncing' })
    let snapshot: TurnSnapshot | undefined
    while (this.#isTorn && !this.#isOver()) {
      this.#isTorn = false
      this.#missed = []
      snapshot = isSettled ? await this.#snapshot() : await this.#settledSnapshot()
    }
    const events = this.#missed ?? []
    this.#missed = undefined
    if (this.#isOver()) return
    if (snapshot) {
      this.#stall.resynced()
      this.#record.tell({ state: 'running' })
    }
    this.#take(this.#reducer.resync(snapshot ?? nothingKnown(this.#record.lane.sessionId ?? '')))
    for (const event of events) this.#onEvent(event)
    if (!snapshot) this.#clock.setTimeout(() => void this.#resync(), retryMs)
  }

  /**
   * A snapshot that can be taken at its word: between the prompt and busy, and between idle and the last word of an
   * aborted or failed message, some 100 ms pass (opencode 1.18.33), so an idle in it is asked for again.
   */
  async #settledSnapshot(): Promise<TurnSnapshot | undefined> {
    const first = await this.#snapshot()
    if (!first || !isIdle(first.status, this.#record.lane.sessionId)) return first
    await elapse(this.#clock, confirmMs, this.#abort.signal)
    return this.#snapshot()
  }

  async #snapshot(): Promise<TurnSnapshot | undefined> {
    const { lane } = this.#record
    const { signal } = this.#abort
    const client = this.#link?.client
    if (!client || lane.sessionId === undefined) return undefined
    await this.#prompted?.catch(() => undefined)
    // Messages last: what is idle before they are read is whole in them.
    return Promise.all([client.status(lane.directory, signal), client.requests(lane.directory, signal)])
      .then(async ([status, requests]) => ({
        status,
        requests,
        messages: await client.messages(lane.sessionId ?? '', signal),
      }))
      .catch(() => undefined)
  }

  async #finish(reply: TerminalReply, isLocal: boolean): Promise<void> {
    this.#release()
    if (isLocal && this.#link && this.#prompted) {
      const { lane } = this.#record
      await abortWork({
        client: this.#link.client,
        lane,
        prompted: this.#prompted,
        clock: this.#clock,
        gone: this.#serverGone.signal,
      })
    }
    this.#onEnd(reply)
  }

  #release(): void {
    this.#abort.abort()
    this.#stall.stop()
    this.#clock.clearTimeout(this.#deadline)
    this.#clock.clearTimeout(this.#confirm)
    this.#record.plan.signal?.removeEventListener('abort', this.#onSignal)
    this.#unfollow?.()
  }
}

/** Idle sessions are absent from `GET /session/status`. */
const isIdle = (status: unknown, sessionId: string | undefined): boolean =>
  typeof status === 'object' && status !== null && (sessionId === undefined || !(sessionId in status))

/** Where the server cannot be asked: it goes on, and texts that are open wait for their end. */
const nothingKnown = (sessionId: string): TurnSnapshot => ({
  status: { [sessionId]: { type: 'busy' } },
  messages: [],
  requests: [],
})
