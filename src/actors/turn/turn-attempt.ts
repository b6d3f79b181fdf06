import { HttpError, type PromptPart } from '../../io/opencode/client.ts'
import { shownEndpoint } from '../../io/opencode/endpoint.ts'
import { isDecodable } from '../../io/opencode/directory-name.ts'
import { secretOptions } from '../../config/compiled-options.ts'
import type { CompiledOptions } from '../../config/options.ts'
import type { OpenCodeEvent, TurnOutput, Usage } from '../../replies.ts'
import { abortWork } from './abort-work.ts'
import { AttemptRequests } from './attempt-requests.ts'
import { elapse, type SystemClock } from '../clock.ts'
import { otherDirectory } from '../server/create-session.ts'
import { turnDirectory } from '../server/directory-policy.ts'
import { HeldEnds } from './held-ends.ts'
import { healAborted } from './heal-directory.ts'
import { toolsOfPrompt } from './hidden-tools.ts'
import { followHostCalls, type TurnHostCalls } from './host-calls.ts'
import { modelOf } from './model.ts'
import { safeLine, type Failure } from './reducer/failure.ts'
import { TurnReducer } from './reducer/reducer.ts'
import { causeOf, isConnectionRefused, isNetworkError, type TurnCause } from './refusal.ts'
import type { ServerConnection, Runtime } from '../runtime.ts'
import type { TurnRecord } from './turn-record.ts'
import { TurnResync } from './turn-resync.ts'
import { lastTodosIn, todosOf } from '../../io/opencode/todo-wire.ts'
import { closedRequestOf, isStepStart, sessionOf, workingDirectoryOf } from '../../io/opencode/wire.ts'
import { messageOf } from '../../util/messages.ts'

/** Time that a turn whose server does not answer waits for the report of the server's death, in ms. */
const deathReportMs = 1_000

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
  /** Receives the reason for a further prompt. */
  onFollowUp: (reason: string) => void
  /** Receives the local reason that ends the turn. */
  onCause: (cause: TurnCause) => void
}

/**
 * One prompt on one server. An attempt sends the prompt, passes the session's events to the reducer, and
 * answers requests by the policy; {@link TurnResync} handles missed events. A closed attempt emits nothing more.
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
  #resync: TurnResync | undefined
  #hostCalls: TurnHostCalls | undefined
  readonly #heldEnds: HeldEnds
  /** Requests of the agent during the attempt. */
  readonly requests: AttemptRequests

  /** URL of the proxy, safe to show; `undefined` if the turn's model has another endpoint. */
  readonly endpoint: string | undefined

  constructor(owner: AttemptOwner, connection: ServerConnection) {
    this.#owner = owner
    this.#connection = connection
    this.endpoint = proxyOf(owner, connection)
    this.#heldEnds = new HeldEnds({
      record: owner.record,
      mask: (text) => this.#mask(text),
      held: () => this.#reducer?.held,
      isClosed: () => this.#isClosed(),
      endWork: () => (this.isSettled ? Promise.resolve() : this.abortWork()),
      heal: () => this.heal(Promise.resolve()),
      release: (failure) => this.#release(failure),
      goOn: (parts, reason) => this.#goOn(parts, reason),
      onCause: owner.onCause,
      onFailure: (error) => this.#onFailure(error),
    })
    this.requests = new AttemptRequests({
      ...{ record: owner.record, clock: owner.clock, onRequest: owner.onRequest, connection },
      facts: this.#heldEnds.facts,
      closed: this.#closed.signal,
      serverGone: this.#serverGone.signal,
    })
  }

  get usage(): Usage | undefined {
    return this.#reducer?.usage
  }

  /** True if the server's work has ended, as far as its events show. */
  get isSettled(): boolean {
    return this.#reducer?.isSettled ?? true
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
    this.#hostCalls?.end()
    this.#resync?.close()
    this.#unfollow?.()
    this.#owner.record.requests.abandon('its server is gone')
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
    const serverGone = this.#serverGone.signal
    const { conversation } = record
    await this.heal(abortWork({ client, conversation, prompted: this.#prompted, clock, serverGone }))
  }

  /**
   * Heals the directory of a turn that was aborted before the model was asked, after the work has ended.
   * Resolves with whether the directory was healed.
   */
  heal(ended: Promise<void>): Promise<boolean> {
    const { record, runtime, clock } = this.#owner
    if (this.#heldEnds.facts.askedModel) return ended.then(() => false)
    const serverGone = this.#serverGone.signal
    return healAborted({ record, runtime, clock, connection: this.#connection, serverGone }, ended)
  }

  async #run(revertTo: string | undefined): Promise<void> {
    const sessionId = await this.#openSession()
    this.#owner.record.sessionId.resolve(sessionId)
    if (this.#isClosed()) return
    this.#follow(sessionId)
    const { directory } = this.#owner.record.conversation
    if (directory !== undefined) await this.#owner.runtime.healing.get(directory)
    if (this.#isClosed()) return
    if (revertTo !== undefined) await this.#revert(sessionId, revertTo)
    if (this.#isClosed()) return
    await this.#prompt(sessionId)
  }

  /** Resolves with the session's id when the session exists and the event stream is open. */
  async #openSession(): Promise<string> {
    const { record, options, runtime } = this.#owner
    const { plan, conversation } = record
    const { client, router, policy } = this.#connection
    const terms = { named: turnDirectory(plan.directory, options), title: plan.title, policy }
    const sessionId = await conversation.open(client, terms, this.#closed.signal)
    runtime.joined(conversation)
    if (conversation.directory !== undefined) runtime.directories.add(conversation.directory)
    // The session is created while the stream opens, because only the events after a prompt must be received.
    await router.open
    return sessionId
  }

  /** Passes the session's events to the reducer from now on. */
  #follow(sessionId: string): void {
    const { record, clock, onResynced } = this.#owner
    const reducer = this.#reduce({ sessionId, messageId: record.messageId })
    this.#reducer = reducer
    this.#hostCalls = followHostCalls(this.#connection.hostCalls, record, sessionId, reducer)
    const resync = new TurnResync({
      ...{ record, clock, onResynced },
      onSnapshot: (snapshot) => {
        this.#hostCalls?.onSnapshot(snapshot)
        record.todos.take(lastTodosIn(snapshot.messages, sessionId, record.firstMessageId))
      },
      onOutputs: (outputs) => this.#onOutputs(outputs),
      connection: this.#connection,
      reducer: this.#reducer,
      closed: this.#closed.signal,
      prompted: () => this.#prompted,
      onEvent: (event) => this.#onEvent(event),
      onMissingSession: (error) => this.#onFailure(error),
    })
    this.#resync = resync
    this.#unfollow = this.#connection.router.follow(sessionId, {
      onEvent: (event) => this.#onEvent(event),
      onReconnect: () => void resync.run(),
    })
  }

  /** Reverts the session. A refusal is ignored: a message that never reached the server needs no revert. */
  async #revert(sessionId: string, messageId: string): Promise<void> {
    const { directory } = this.#owner.record.conversation
    await this.#connection.client
      .revert(sessionId, directory, messageId, this.#closed.signal)
      .catch(ignoreRefusal)
  }

  async #prompt(sessionId: string, parts = this.#owner.record.plan.parts): Promise<void> {
    const { record, options, runtime } = this.#owner
    const { plan, conversation, messageId } = record
    const { agent = conversation.agent, system, variant, output } = plan
    const model = modelOf(plan.model, options.values)
    const tools = toolsOfPrompt(plan.hidden, options.values.hostTools, conversation)
    const prompt = {
      messageId,
      model,
      agent,
      system,
      variant,
      tools,
      parts,
      answerSchema: output?.jsonSchema,
    }
    conversation.hidesTools ||= plan.hidden.length > 0
    // The prompt request is never aborted: the prompt may have reached the server, and an abort sent while
    // the prompt is unanswered is lost (opencode).
    record.wasPrompted = true
    runtime.prompted(messageId, record.id)
    this.#prompted = this.#connection.client.prompt(sessionId, conversation.directory, prompt)
    await this.#prompted
    conversation.hidesTools = plan.hidden.length > 0
  }

  #reduce(whose: { sessionId: string; messageId?: string }): TurnReducer {
    const { traceId, output } = this.#owner.record.plan
    return new TurnReducer({
      ...whose,
      traceId,
      mask: (text) => this.#mask(text),
      endpoint: this.endpoint,
      hostTools: Object.keys(this.#owner.options.values.hostTools),
      isStructured: output !== undefined,
      holdsEnd: (ending) => this.#heldEnds.holds(ending),
    })
  }

  #mask(text: string): string {
    return this.#owner.options.secrets.mask(text)
  }

  #onOutputs(outputs: readonly TurnOutput[]): void {
    this.#owner.onOutputs(outputs)
    this.#heldEnds.decide()
  }

  /** Ends the turn with the held end, or with a failure instead. */
  #release(failure?: Failure): void {
    if (this.#reducer) this.#owner.onOutputs(this.#reducer.release(failure))
  }

  /** Sends a further prompt of the turn; without parts the turn's own prompt again, after a revert. */
  async #goOn(parts: PromptPart[] | undefined, reason: string): Promise<void> {
    const { record, onFollowUp } = this.#owner
    const { sessionId } = record.conversation
    if (sessionId === undefined) {
      this.#release()
      return
    }
    const revertTo = record.messageId
    record.followUp()
    this.#reducer?.goOn(record.messageId)
    onFollowUp(safeLine(this.#mask(reason)))
    if (parts === undefined) await this.#revert(sessionId, revertTo)
    if (this.#isClosed()) return
    await this.#prompt(sessionId, parts)
    if (!this.#isClosed()) this.#owner.onResynced()
  }

  #isClosed(): boolean {
    return this.#closed.signal.aborted
  }

  #onFailure(error: unknown): void {
    if (this.#isClosed()) return
    const { record } = this.#owner
    // An earlier prompt of the attempt has arrived.
    const isFirst = record.messageId === record.firstMessageId
    if (isConnectionRefused(error) && isFirst) record.wasPrompted = false
    const cause = causeOf(error)
    if (!isNetworkError(error)) return this.#owner.onCause(cause)
    // If the server died, the machine ends this attempt within moments. Otherwise the server counts as
    // unresponsive.
    void elapse(this.#owner.clock, deathReportMs, this.#closed.signal).then(() => {
      if (!this.#isClosed()) this.#owner.onCause(cause)
    })
  }

  #onStepStart(sessionId: string | undefined): void {
    this.#heldEnds.facts.askedModel = true
    if (sessionId === this.#owner.record.conversation.sessionId)
      this.#heldEnds.facts.rejectionOfSeveral = undefined
  }

  #onEvent(event: OpenCodeEvent): void {
    this.#hostCalls?.onEvent(event)
    if (this.#resync?.defer(event) === true) return
    const reducer = this.#reducer
    if (!reducer || this.#isClosed()) return
    if (isStepStart(event)) this.#onStepStart(sessionOf(event))
    const { record } = this.#owner
    record.todos.take(todosOf(event, record.conversation.sessionId ?? ''))
    const mismatch = this.#otherDirectory(event)
    if (mismatch !== undefined) return this.#owner.onCause({ code: 'rejected', error: mismatch })
    try {
      // The router dispatches each event once.
      const closed = closedRequestOf(event)
      if (closed !== undefined) record.requests.close(closed)
      this.#onOutputs(reducer.take(event))
      if (this.#isClosed()) return
      this.#owner.onProgress(event)
    } catch (error) {
      this.#owner.onCause({ code: 'internal', error: messageOf(error) })
    }
    const mayBeLast = event.type === 'session.error' || event.type === 'session.idle'
    if (mayBeLast && !reducer.held) this.#resync?.checkSoon()
  }

  /**
   * Returns the error message if the server works in another directory, the one that the decoded name means;
   * otherwise `undefined`. The cause is a server that reads a session's path differently from
   * opencode, or a proxy that rewrites the path.
   */
  #otherDirectory(event: OpenCodeEvent): string | undefined {
    const { directory = '' } = this.#owner.record.conversation
    const used = isDecodable(directory) ? workingDirectoryOf(event) : undefined
    if (used === undefined || used === directory) return undefined
    return otherDirectory('directory of the session', directory, used)
  }
}

function proxyOf({ record, options }: AttemptOwner, { directory }: ServerConnection): string | undefined {
  const { model } = record.plan
  const isOther = typeof model === 'object' && model.providerId !== options.values.proxy.providerId
  const isForeign = directory === ''
  return isOther || isForeign ? undefined : shownEndpoint(secretOptions(options).baseURL)
}

function ignoreRefusal(error: unknown): void {
  if (!(error instanceof HttpError)) throw error
}
