import { HostFaultError, InvalidOptionsError, messageWithoutPaths } from '../../errors.ts'
import { HttpError } from '../../io/opencode/client.ts'
import { isDecodable } from '../../io/opencode/directory-name.ts'
import type { CompiledOptions } from '../../config/options.ts'
import type { InputRequest, OpenCodeEvent, TurnOutput, Usage } from '../../replies.ts'
import { abortWork } from './abort-work.ts'
import { elapse, type SystemClock } from '../clock.ts'
import { otherDirectory } from '../server/create-session.ts'
import { turnDirectory } from '../server/directory-policy.ts'
import { modelOf } from './model.ts'
import { answerRequest, decide } from './policy.ts'
import { TurnReducer, type TurnSnapshot } from './reducer/reducer.ts'
import { isNetworkError, isRefused, refusal, type TurnCause } from './refusal.ts'
import type { Link, Runtime } from '../runtime.ts'
import { askServer, linksIn } from './snapshot.ts'
import type { TurnRecord } from './turn-record.ts'
import { isIdle, workplaceOf } from '../../io/opencode/wire.ts'
import { messageOf } from '../../util/messages.ts'

/** How long an error or idle that ends nothing is given before the server is asked what is true. */
const confirmMs = 500
/** How often a session that has said nothing of the turn must be found idle before it is taken at its word. */
const patientIdles = 10
/** How long a turn whose server does not answer waits to be told that it died. */
const verdictMs = 1_000
/** Between two tries of what a gap made necessary. */
const retryMs = 500

/** Whoever runs a turn, as its attempt sees it. */
export interface AttemptOwner {
  record: TurnRecord
  options: CompiledOptions
  runtime: Runtime
  clock: SystemClock
  /** What the reducer made of an event or a snapshot. */
  onOutputs: (outputs: readonly TurnOutput[]) => void
  /** An event of the turn's session, or of a child of it. */
  onProgress: (event: OpenCodeEvent) => void
  onRequest: (id: string, isOpen: boolean) => void
  onResynced: () => void
  /** What ends the turn. */
  onCause: (cause: TurnCause) => void
}

/**
 * One prompt on one server: sends it, follows its session's events through the reducer, asks the server for what a gap
 * in the stream hid, and has requests answered by the policy. It gives nothing any more once it is closed.
 */
export class TurnAttempt {
  readonly #owner: AttemptOwner
  readonly #link: Link
  /** Ends what is asked of the server for the turn. */
  readonly #closed = new AbortController()
  /** Ends what is asked of it to end the turn's work. */
  readonly #serverGone = new AbortController()
  #reducer: TurnReducer | undefined
  #unfollow: (() => void) | undefined
  #prompted: Promise<unknown> | undefined
  #confirm: unknown
  /** Events that wait for a resync to end; `undefined` while none runs. */
  #missed: OpenCodeEvent[] | undefined
  /** How often in a row the session was found idle, with nothing heard in between. */
  #idles = 0
  /** Whether a gap has made necessary what no snapshot has told yet. */
  #isTorn = false

  constructor(owner: AttemptOwner, link: Link) {
    this.#owner = owner
    this.#link = link
  }

  get usage(): Usage | undefined {
    return this.#reducer?.usage
  }

  /** How often in a row the model's answer ended without a finish. */
  get unfinished(): number {
    return this.#reducer?.unfinished ?? 0
  }

  /** How often in a row the context overflowed. */
  get overflows(): number {
    return this.#reducer?.overflows ?? 0
  }

  /** Sends the prompt, on a session that is first put back to before `revertTo`, the message of an earlier attempt. */
  start(revertTo?: string): void {
    this.#run(revertTo).catch((error: unknown) => this.#onFailure(error))
  }

  /** Ends the turn for a local cause; gives what that makes of it. */
  settle(cause: TurnCause): readonly TurnOutput[] {
    const { record } = this.#owner
    this.#reducer ??= this.#reduce({ sessionId: record.lane.sessionId ?? record.id })
    return this.#reducer.settle(cause)
  }

  /** Follows nothing and asks nothing any more. */
  close(): void {
    this.#closed.abort()
    this.#owner.clock.clearTimeout(this.#confirm)
    this.#unfollow?.()
  }

  /** The server is gone, and its work with it. */
  serverGone(): void {
    this.#serverGone.abort()
  }

  /** Ends the work on the server. Never rejects. */
  async abortWork(): Promise<void> {
    if (!this.#prompted) return
    const { record, clock } = this.#owner
    const { client } = this.#link
    const gone = this.#serverGone.signal
    await abortWork({ client, lane: record.lane, prompted: this.#prompted, clock, gone })
  }

  async #run(revertTo: string | undefined): Promise<void> {
    const { record, options, runtime } = this.#owner
    const { plan, lane, messageId } = record
    const { client, hub, policy } = this.#link
    const terms = { named: turnDirectory(plan.directory, options), title: plan.title, policy }
    const sessionId = await lane.open(client, terms, this.#closed.signal)
    runtime.joined(lane)
    if (lane.directory !== undefined) runtime.directories.add(lane.directory)
    // Only what follows a prompt must be heard: the session is made while the stream opens.
    await hub.open
    record.sessionId.resolve(sessionId)
    if (this.#isClosed()) return
    this.#reducer = this.#reduce({ sessionId, messageId })
    this.#unfollow = hub.follow(sessionId, {
      onEvent: (event) => this.#onEvent(event),
      onGap: () => void this.#resync(),
    })
    // One that never got as far as the server has nothing to be put back.
    if (revertTo !== undefined)
      await client.revert(sessionId, lane.directory, revertTo, this.#closed.signal).catch(ignoreRefusal)
    if (this.#isClosed()) return
    const { agent = lane.agent, system, parts } = plan
    const model = modelOf(plan.model, options.values)
    const body = { messageID: messageId, model, agent, system, parts }
    // Never aborted: a prompt may have reached the server, and an abort sent beside it is lost (opencode 1.18.33).
    record.wasPrompted = true
    this.#prompted = client.prompt(sessionId, lane.directory, body)
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
    // The machine knows within moments whether the server died; if it did not, it does not answer.
    void elapse(this.#owner.clock, verdictMs, this.#closed.signal).then(() => {
      if (this.#isClosed()) return
      this.#owner.onCause({ code: 'server_unavailable', error: `The server did not answer: ${message}` })
    })
  }

  #onEvent(event: OpenCodeEvent): void {
    this.#idles = 0
    if (this.#missed) return void this.#missed.push(event)
    const reducer = this.#reducer
    if (!reducer || this.#isClosed()) return
    const elsewhere = this.#elsewhere(event)
    if (elsewhere !== undefined) return this.#owner.onCause({ code: 'rejected', error: elsewhere })
    try {
      // The hub deals each event once.
      this.#owner.onOutputs(reducer.take(event))
      if (this.#isClosed()) return
      this.#owner.onProgress(event)
    } catch (error) {
      this.#owner.onCause({ code: 'internal', error: messageOf(error) })
    }
    if (event.type === 'session.error' || event.type === 'session.idle') this.#confirmSoon()
  }

  /**
   * Returns the error if the server works in another directory, the one that the decoded name means; otherwise `undefined`.
   * Causes: a server that does not read a session's path as 1.18.33 does, or a proxy that rewrites the path.
   */
  #elsewhere(event: OpenCodeEvent): string | undefined {
    const { directory = '' } = this.#owner.record.lane
    const taken = isDecodable(directory) ? workplaceOf(event) : undefined
    if (taken === undefined || taken === directory) return undefined
    return otherDirectory('directory of the session', directory, taken)
  }

  /** Has the policy answer a request, and tells the server. */
  async answer(request: InputRequest): Promise<void> {
    const { record, clock, onRequest } = this.#owner
    const { plan, lane, requests$ } = record
    onRequest(request.id, true)
    requests$.next(request)
    const timeout = new AbortController()
    const answer = await decide(request, plan, elapse(clock, plan.requestTimeoutMs, timeout.signal))
    timeout.abort()
    if (this.#isClosed()) return
    // One that somebody else answered meanwhile is 404; one that cannot be answered is left to the stall watch.
    await answerRequest(this.#link.client, request, answer, lane.directory).catch(() => undefined)
    onRequest(request.id, false)
  }

  /** An error or idle that ended nothing may be the last that is heard: asks, and resyncs where nothing runs. */
  #confirmSoon(): void {
    const { clock } = this.#owner
    clock.clearTimeout(this.#confirm)
    if (!this.#isClosed()) this.#confirm = clock.setTimeout(() => void this.#confirmIdle(), confirmMs)
  }

  async #confirmIdle(): Promise<void> {
    const { lane } = this.#owner.record
    const asked = this.#link.client.status(lane.directory, this.#closed.signal)
    const status = await asked.catch(() => undefined)
    this.#idles = isIdle(status, lane.sessionId) ? this.#idles + 1 : 0
    if (this.#idles > 0) await this.#resync()
  }

  /** Asks the server for what the stream did not tell; events wait meanwhile, and another gap asks anew. */
  async #resync(): Promise<void> {
    const { record, clock } = this.#owner
    if (!this.#reducer || this.#isClosed()) return
    this.#isTorn = true
    if (this.#missed) return
    record.tell({ state: 'resyncing' })
    let isKnown = false
    while (this.#isTorn && !this.#isClosed()) {
      this.#isTorn = false
      this.#missed = []
      isKnown = await this.#catchUp(this.#reducer)
    }
    const events = this.#missed ?? []
    this.#missed = undefined
    if (this.#isClosed()) return
    if (isKnown) this.#owner.onResynced()
    for (const event of events) this.#onEvent(event)
    if (!isKnown) clock.setTimeout(() => void this.#resync(), retryMs)
  }

  /**
   * Takes one snapshot, also one that the next gap has overtaken: a stream that keeps breaking keeps no turn from its
   * end. An idle in it is asked for again: between the prompt and busy, and between idle and the last word of an aborted
   * or failed message, some 100 ms pass (opencode 1.18.33), and more on a loaded machine.
   */
  async #catchUp(reducer: TurnReducer): Promise<boolean> {
    const { sessionId } = this.#owner.record.lane
    const snapshot = await this.#snapshot()
    if (this.#isClosed()) return true
    this.#isTorn ||= this.#adopt(snapshot)
    const isCertain = this.#idles >= (reducer.hasSpoken ? 1 : patientIdles)
    this.#owner.onOutputs(reducer.resync(snapshot ?? nothingKnown(sessionId ?? ''), isCertain))
    if (snapshot && isIdle(snapshot.status, sessionId) && this.#idles < patientIdles) this.#confirmSoon()
    return snapshot !== undefined
  }

  /** Follows the child sessions that a snapshot tells of; what one that is new said since was heard by nobody. */
  #adopt(snapshot: TurnSnapshot | undefined): boolean {
    const links = snapshot ? linksIn(snapshot) : []
    return links.map((link) => this.#link.hub.adopt(link)).includes(true)
  }

  async #snapshot(): Promise<TurnSnapshot | undefined> {
    const { lane, messageId } = this.#owner.record
    const { sessionId, directory } = lane
    if (sessionId === undefined) return undefined
    await this.#prompted?.catch(() => undefined)
    try {
      return await askServer(this.#link.client, { sessionId, directory, messageId }, this.#closed.signal)
    } catch (error) {
      // A session that is gone says nothing more; a server that does not answer is asked again.
      if (error instanceof HttpError && error.status === 404) this.#onFailure(error)
      return undefined
    }
  }
}

function ignoreRefusal(error: unknown): void {
  if (!(error instanceof HttpError)) throw error
}

/** Where the server cannot be asked: it goes on, and texts that are open wait for their end. */
const nothingKnown = (sessionId: string): TurnSnapshot => ({
  status: { [sessionId]: { type: 'busy' } },
  messages: [],
  requests: [],
})
