import { HostFaultError, InvalidOptionsError, messageWithoutPaths } from '../../errors.ts'
import { HttpError } from '../../io/opencode/client.ts'
import { isDecodable } from '../../io/opencode/directory-name.ts'
import type { CompiledOptions } from '../../config/options.ts'
import type { InputRequest, OpenCodeEvent, TurnOutput, Usage } from '../../replies.ts'
import { abortWork } from './abort-work.ts'
import { elapse, type SystemClock } from '../clock.ts'
import { otherDirectory } from '../server/create-session.ts'
import { turnDirectory } from '../server/directory-policy.ts'
import { healDirectory } from './heal-directory.ts'
import { modelOf } from './model.ts'
import { answerRequest, decide } from './request-policy.ts'
import { TurnReducer, type TurnSnapshot } from './reducer/reducer.ts'
import { isNetworkError, isRefused, refusal, type TurnCause } from './refusal.ts'
import type { ServerConnection, Runtime } from '../runtime.ts'
import { askServer, linksIn } from './snapshot.ts'
import type { TurnRecord } from './turn-record.ts'
import { isIdle, isStepStart, workingDirectoryOf } from '../../io/opencode/wire.ts'
import { messageOf } from '../../util/messages.ts'

/**
 * Delay after an error or idle event that does not end the turn, in ms, before the server's state is
 * requested.
 */
const confirmMs = 500
/**
 * Number of consecutive idle answers that are needed before an idle session without any output for the turn
 * counts as idle.
 */
const patientIdles = 10
/** Time that a turn whose server does not answer waits for the report of the server's death, in ms. */
const verdictMs = 1_000
/** Wait between two resync attempts, in ms. */
const retryMs = 500

/** Owner of an attempt: the turn's run. */
export interface AttemptOwner {
  record: TurnRecord
  options: CompiledOptions
  runtime: Runtime
  clock: SystemClock
  /** Receives the reducer's outputs for an event or a snapshot. */
  onOutputs: (outputs: readonly TurnOutput[]) => void
  /** Receives an event of the turn's session or of a child session. */
  onProgress: (event: OpenCodeEvent) => void
  onRequest: (id: string, isOpen: boolean) => void
  onResynced: () => void
  /** Receives the local reason that ends the turn. */
  onCause: (cause: TurnCause) => void
}

/**
 * One prompt on one server. An attempt sends the prompt, passes the session's events to the reducer, resyncs
 * after missed events, and answers requests by the policy. A closed attempt emits nothing more.
 */
export class TurnAttempt {
  readonly #owner: AttemptOwner
  readonly #connection: ServerConnection
  /** Aborts the turn's requests to the server. */
  readonly #closed = new AbortController()
  /** Aborts the requests that abort the turn's work. */
  readonly #serverGone = new AbortController()
  #reducer: TurnReducer | undefined
  #unfollow: (() => void) | undefined
  #prompted: Promise<unknown> | undefined
  #confirm: unknown
  /** Events that wait for the end of a resync; `undefined` if no resync runs. */
  #deferred: OpenCodeEvent[] | undefined
  /** Number of consecutive idle answers without an event in between. */
  #idles = 0
  /** True if events were missed since the last snapshot. */
  #needsResync = false
  /** True if a step has begun, so that the directory's MCP servers are connected. */
  #askedModel = false

  constructor(owner: AttemptOwner, connection: ServerConnection) {
    this.#owner = owner
    this.#connection = connection
  }

  get usage(): Usage | undefined {
    return this.#reducer?.usage
  }

  /** Number of consecutive model answers that ended without a finish reason. */
  get unfinished(): number {
    return this.#reducer?.unfinished ?? 0
  }

  /** Number of consecutive context overflows. */
  get overflows(): number {
    return this.#reducer?.overflows ?? 0
  }

  /** Number of compactions since the last answer that called a tool. */
  get compactions(): number {
    return this.#reducer?.compactions ?? 0
  }

  /**
   * Sends the prompt. If `revertTo` is given, the session is first reverted to the state before this message
   * of an earlier attempt.
   */
  start(revertTo?: string): void {
    this.#run(revertTo).catch((error: unknown) => this.#onFailure(error))
  }

  /** Ends the turn for a local reason and returns the resulting outputs. */
  settle(cause: TurnCause): readonly TurnOutput[] {
    const { record } = this.#owner
    this.#reducer ??= this.#reduce({ sessionId: record.conversation.sessionId ?? record.id })
    return this.#reducer.settle(cause)
  }

  /** Stops following the session and aborts the turn's requests. */
  close(): void {
    this.#closed.abort()
    this.#owner.clock.clearTimeout(this.#confirm)
    this.#unfollow?.()
  }

  /** Aborts the requests of `abortWork`, because the server and its work are gone. */
  serverGone(): void {
    this.#serverGone.abort()
  }

  /** Aborts the work on the server, and heals the directory. Never rejects. */
  async abortWork(): Promise<void> {
    if (!this.#prompted) return
    const { record, clock } = this.#owner
    const { client } = this.#connection
    const gone = this.#serverGone.signal
    const { conversation } = record
    await this.heal(abortWork({ client, conversation, prompted: this.#prompted, clock, gone }))
  }

  /**
   * Heals the directory of a turn that was aborted before the model was asked, after the work has ended. New
   * turns of the directory wait meanwhile. A server that this host does not manage is left alone.
   */
  async heal(ended: Promise<void>): Promise<void> {
    const { record, runtime, clock } = this.#owner
    const { directory } = record.conversation
    const isForeign = this.#connection.directory === ''
    if (this.#askedModel || isForeign || directory === undefined) return ended
    const isUsed = (): boolean => runtime.isUsed(directory, record)
    const { client } = this.#connection
    const isGone = (): boolean => this.#serverGone.signal.aborted
    const healed = ended.then(() =>
      isGone() ? undefined : healDirectory({ client, directory, clock, isUsed }),
    )
    runtime.healing.set(directory, healed)
    await healed
    if (runtime.healing.get(directory) === healed) runtime.healing.delete(directory)
  }

  async #run(revertTo: string | undefined): Promise<void> {
    const { record, options, runtime } = this.#owner
    const { plan, conversation, messageId } = record
    const { client, router, policy } = this.#connection
    const terms = { named: turnDirectory(plan.directory, options), title: plan.title, policy }
    const sessionId = await conversation.open(client, terms, this.#closed.signal)
    runtime.joined(conversation)
    if (conversation.directory !== undefined) runtime.directories.add(conversation.directory)
    // The session is created while the stream opens, because only the events after a prompt must be received.
    await router.open
    record.sessionId.resolve(sessionId)
    if (this.#isClosed()) return
    this.#reducer = this.#reduce({ sessionId, messageId })
    this.#unfollow = router.follow(sessionId, {
      onEvent: (event) => this.#onEvent(event),
      onReconnect: () => void this.#resync(),
    })
    // A refused revert is ignored: a message that never reached the server leaves nothing to revert.
    if (conversation.directory !== undefined) await runtime.healing.get(conversation.directory)
    if (revertTo !== undefined)
      await client
        .revert(sessionId, conversation.directory, revertTo, this.#closed.signal)
        .catch(ignoreRefusal)
    if (this.#isClosed()) return
    const { agent = conversation.agent, system, parts } = plan
    const model = modelOf(plan.model, options.values)
    const body = { messageID: messageId, model, agent, system, parts }
    // The prompt request is never aborted: the prompt may have reached the server, and an abort sent while
    // the prompt is unanswered is lost (opencode 1.18.33).
    record.wasPrompted = true
    this.#prompted = client.prompt(sessionId, conversation.directory, body)
    await this.#prompted
  }

  #reduce(whose: { sessionId: string; messageId?: string }): TurnReducer {
    const { record, options } = this.#owner
    const mask = (text: string): string => options.secrets.mask(text)
    return new TurnReducer({ ...whose, traceId: record.plan.traceId, mask })
  }

  #isClosed(): boolean {
    return this.#closed.signal.aborted
  }

  #onFailure(error: unknown): void {
    if (this.#isClosed()) return
    if (error instanceof HttpError) return this.#owner.onCause(refusal(error))
    if (error instanceof InvalidOptionsError)
      return this.#owner.onCause({ code: 'rejected', error: error.message })
    if (error instanceof HostFaultError)
      return this.#owner.onCause({ code: 'server_unavailable', error: messageWithoutPaths(error) })
    const { message } = error instanceof Error ? error : new Error(String(error))
    if (isRefused(error)) this.#owner.record.wasPrompted = false
    if (!isNetworkError(error)) return this.#owner.onCause({ code: 'internal', error: message })
    // If the server died, the machine ends this attempt within moments. Otherwise the server counts as
    // unresponsive.
    void elapse(this.#owner.clock, verdictMs, this.#closed.signal).then(() => {
      if (this.#isClosed()) return
      this.#owner.onCause({ code: 'server_unavailable', error: `The server did not answer: ${message}` })
    })
  }

  #onEvent(event: OpenCodeEvent): void {
    this.#idles = 0
    if (this.#deferred) return void this.#deferred.push(event)
    const reducer = this.#reducer
    if (!reducer || this.#isClosed()) return
    this.#askedModel ||= isStepStart(event)
    const elsewhere = this.#elsewhere(event)
    if (elsewhere !== undefined) return this.#owner.onCause({ code: 'rejected', error: elsewhere })
    try {
      // The router dispatches each event once.
      this.#owner.onOutputs(reducer.take(event))
      if (this.#isClosed()) return
      this.#owner.onProgress(event)
    } catch (error) {
      this.#owner.onCause({ code: 'internal', error: messageOf(error) })
    }
    if (event.type === 'session.error' || event.type === 'session.idle') this.#confirmSoon()
  }

  /**
   * Returns the error message if the server works in another directory, the one that the decoded name means;
   * otherwise `undefined`. The cause is a server that reads a session's path differently from opencode
   * 1.18.33, or a proxy that rewrites the path.
   */
  #elsewhere(event: OpenCodeEvent): string | undefined {
    const { directory = '' } = this.#owner.record.conversation
    const taken = isDecodable(directory) ? workingDirectoryOf(event) : undefined
    if (taken === undefined || taken === directory) return undefined
    return otherDirectory('directory of the session', directory, taken)
  }

  /** Answers a request by the policy and sends the answer to the server. */
  async answer(request: InputRequest): Promise<void> {
    const { record, clock, onRequest } = this.#owner
    const { plan, conversation, requests$ } = record
    onRequest(request.id, true)
    requests$.next(request)
    const timeout = new AbortController()
    const answer = await decide(request, plan, elapse(clock, plan.requestTimeoutMs, timeout.signal))
    timeout.abort()
    if (this.#isClosed()) return
    // Errors are ignored: a request that another client has answered gives 404, and the stall watch handles a
    // request that cannot be answered.
    await answerRequest(this.#connection.client, request, answer, conversation.directory).catch(
      () => undefined,
    )
    onRequest(request.id, false)
  }

  /**
   * Schedules a check of the session, because an error or idle event that does not end the turn may be the
   * last event. The check resyncs if the session is idle.
   */
  #confirmSoon(): void {
    const { clock } = this.#owner
    clock.clearTimeout(this.#confirm)
    if (!this.#isClosed()) this.#confirm = clock.setTimeout(() => void this.#confirmIdle(), confirmMs)
  }

  async #confirmIdle(): Promise<void> {
    const { conversation } = this.#owner.record
    const asked = this.#connection.client.status(conversation.directory, this.#closed.signal)
    const status = await asked.catch(() => undefined)
    this.#idles = isIdle(status, conversation.sessionId) ? this.#idles + 1 : 0
    if (this.#idles > 0) await this.#resync()
  }

  /**
   * Resyncs with the server after missed events. Events wait meanwhile, and a further gap repeats the resync.
   */
  async #resync(): Promise<void> {
    const { record, clock } = this.#owner
    if (!this.#reducer || this.#isClosed()) return
    this.#needsResync = true
    if (this.#deferred) return
    record.setStatus({ state: 'resyncing' })
    let isKnown = false
    while (this.#needsResync && !this.#isClosed()) {
      this.#needsResync = false
      this.#deferred = []
      isKnown = await this.#applySnapshot(this.#reducer)
    }
    const events = this.#deferred ?? []
    this.#deferred = undefined
    if (this.#isClosed()) return
    if (isKnown) this.#owner.onResynced()
    for (const event of events) this.#onEvent(event)
    if (!isKnown) clock.setTimeout(() => void this.#resync(), retryMs)
  }

  /**
   * Applies one snapshot and resolves with whether the server answered. A snapshot is applied even if a
   * further gap has occurred since, so that a stream that keeps breaking cannot prevent the turn's end. An
   * idle session is checked again.
   *
   * @remarks Observed in opencode 1.18.33: some 100 ms pass between the prompt and busy, and between idle and
   * the last update of an aborted or failed message; more on a loaded machine.
   */
  async #applySnapshot(reducer: TurnReducer): Promise<boolean> {
    const { sessionId } = this.#owner.record.conversation
    const snapshot = await this.#snapshot()
    if (this.#isClosed()) return true
    this.#needsResync ||= this.#adopt(snapshot)
    const isCertain = this.#idles >= (reducer.hasSpoken ? 1 : patientIdles)
    this.#owner.onOutputs(reducer.resync(snapshot ?? nothingKnown(sessionId ?? ''), isCertain))
    if (snapshot && isIdle(snapshot.status, sessionId) && this.#idles < patientIdles) this.#confirmSoon()
    return snapshot !== undefined
  }

  /**
   * Follows the child sessions in a snapshot. Returns whether a child session is new, because its earlier
   * events were missed.
   */
  #adopt(snapshot: TurnSnapshot | undefined): boolean {
    const links = snapshot ? linksIn(snapshot) : []
    return links.map((link) => this.#connection.router.adopt(link)).includes(true)
  }

  async #snapshot(): Promise<TurnSnapshot | undefined> {
    const { conversation, messageId } = this.#owner.record
    const { sessionId, directory } = conversation
    if (sessionId === undefined) return undefined
    await this.#prompted?.catch(() => undefined)
    try {
      return await askServer(
        this.#connection.client,
        { sessionId, directory, messageId },
        this.#closed.signal,
      )
    } catch (error) {
      // A missing session ends the turn. A server that does not answer is asked again.
      if (error instanceof HttpError && error.status === 404) this.#onFailure(error)
      return undefined
    }
  }
}

function ignoreRefusal(error: unknown): void {
  if (!(error instanceof HttpError)) throw error
}

/**
 * Returns a snapshot for a server that does not answer: the turn continues, and open texts wait for their
 * end.
 */
const nothingKnown = (sessionId: string): TurnSnapshot => ({
  status: { [sessionId]: { type: 'busy' } },
  messages: [],
  requests: [],
})
