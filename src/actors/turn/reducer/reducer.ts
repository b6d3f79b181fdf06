import { isTerminal } from '../../../replies.ts'
import type { OpenCodeEvent, Reply, TurnErrorCode, TurnOutput, Usage } from '../../../replies.ts'
import { Answers } from './answers.ts'
import { latestPrompt, messageEvents, requestEvents, type TurnSnapshot } from './catch-up.ts'
import { failureOf, isRetryable, safeLine, type Failure, type Mask } from './failure.ts'
import { SeenIds } from '../../server/seen-ids.ts'
import { ToolCalls } from './tool-calls.ts'
import { Transcript } from './transcript.ts'
import {
  childOf,
  isFields,
  parseError,
  parseMessage,
  parsePart,
  parseRequest,
  parseStatus,
  sessionOf,
} from '../../../io/opencode/wire.ts'
import type { SessionLink, WireMessage, WirePart, WireStatus } from '../../../io/opencode/wire.ts'

export type { TurnSnapshot } from './catch-up.ts'

/**
 * Options of a {@link TurnReducer}: the turn's session, its user message (default: the first user message
 * seen), and its trace.
 */
export interface TurnReducerOptions {
  sessionId: string
  messageId?: string
  traceId: string | null
  /**
   * Masks secrets in the server's error and retry messages.
   *
   * @defaultValue no masking
   */
  mask?: Mask
}

/**
 * Converts the events of opencode's stream to a turn's replies, requests and retry notices.
 *
 * @remarks The reducer has no I/O and no clock, and never throws. The reducer emits exactly one terminal
 * reply, as the last reply.
 *
 * A turn owns the assistant messages whose parent is the turn's user message, or a message that the server
 * itself put into the session while the turn ran (a compaction and its continuation).
 *
 * Observed in opencode 1.18.33: a turn is done when the session goes idle after it was busy with these
 * messages.
 *
 * @example
 * import { TurnReducer, type OpenCodeEvent } from 'opencode-runtime'
 *
 * export function printOutputs(sessionId: string, events: readonly OpenCodeEvent[]): void {
 *   const reducer = new TurnReducer({ sessionId, traceId: 't1' })
 *   for (const event of events) for (const output of reducer.push(event)) console.log(output)
 * }
 */
export class TurnReducer {
  readonly #sessionId: string
  readonly #traceId: string | null
  readonly #mask: Mask
  readonly #transcript: Transcript
  readonly #answers = new Answers()
  readonly #seen = new SeenIds()
  readonly #children = new Set<string>()
  /** Ids of the turn's user messages: the prompt, and the messages that the server adds to the prompt. */
  readonly #prompts = new Set<string>()
  readonly #strangers = new Set<string>()
  readonly #calls: ToolCalls
  readonly #asked = new Set<string>()
  #promptId: string | undefined
  #busy = false
  #idle = false
  #failure: Failure | undefined
  #done = false
  #outputs: TurnOutput[] = []

  /**
   * Creates a reducer for one turn.
   *
   * @param options - session, user message and trace of the turn
   */
  constructor(options: TurnReducerOptions) {
    this.#sessionId = options.sessionId
    this.#promptId = options.messageId
    this.#traceId = options.traceId
    const say = (reply: Reply): void => this.#reply(reply)
    this.#transcript = new Transcript(options.traceId, say)
    this.#calls = new ToolCalls(options.traceId, say)
    this.#mask = options.mask ?? ((text) => text)
  }

  /** Returns whether the terminal reply was emitted; afterwards all methods do nothing. */
  get done(): boolean {
    return this.#done
  }

  /** Usage so far: every assistant message counts once, including those of child sessions. */
  get usage(): Usage {
    return this.#answers.usage
  }

  /**
   * Number of consecutive model answers that ended without a finish reason that the server accepts (none, an
   * unknown reason, or `tool_calls` without a call).
   *
   * @remarks Observed in opencode 1.18.33: the server asks the model again immediately, without limit.
   */
  get unfinished(): number {
    return this.#answers.unfinished
  }

  /**
   * Number of consecutive context overflows.
   *
   * @remarks Observed in opencode 1.18.33: the server compacts the context and asks the model again, without
   * limit.
   */
  get overflows(): number {
    return this.#answers.overflows
  }

  /**
   * Applies an event of the stream and returns the resulting outputs; a repeated, foreign, malformed or
   * unknown event changes nothing.
   *
   * @param event - the event, unwrapped
   * @returns the new outputs, in order
   */
  push(event: OpenCodeEvent): readonly TurnOutput[] {
    if (!isFields(event) || this.#seen.isRepeated(event.id)) return []
    return this.take(event)
  }

  /**
   * Applies an event that is known not to be a repetition.
   *
   * @internal
   */
  take(event: OpenCodeEvent): readonly TurnOutput[] {
    if (this.#done) return []
    this.#apply(event)
    return this.#collected()
  }

  /**
   * Returns whether the server has reported anything of the turn: an answer that has at least begun, or an
   * error.
   */
  get hasSpoken(): boolean {
    return !this.#answers.isEmpty || this.#failure !== undefined
  }

  /**
   * Applies the server's state after missed events: emits the missed outputs, and ends a turn whose end was
   * missed.
   *
   * @param snapshot - the server's state
   * @param isCertain - `false` if an idle session may still begin the turn; then an idle session ends only a
   * turn whose answer is complete
   * @returns the new outputs, in order
   */
  resync(snapshot: TurnSnapshot, isCertain = true): readonly TurnOutput[] {
    if (this.#done || !isFields(snapshot)) return []
    this.#catchUp(snapshot, isCertain)
    return this.#collected()
  }

  /**
   * Ends the turn for a local reason, such as a deadline, a stall, a cancellation or a dead server.
   *
   * @param cause - code and message of the error; `retryable` by default follows from the code
   * @returns the new outputs, in order
   */
  settle(cause: { code: TurnErrorCode; error: string; retryable?: boolean }): readonly TurnOutput[] {
    if (this.#done) return []
    const { code, retryable = isRetryable(code) } = cause
    const said: unknown = cause.error
    const error = safeLine(this.#mask(typeof said === 'string' ? said : code))
    this.#fail({ code, error, retryable })
    return this.#collected()
  }

  /** Returns the outputs since the last call. */
  #collected(): readonly TurnOutput[] {
    const outputs = this.#outputs
    this.#outputs = []
    return outputs
  }

  #apply(event: OpenCodeEvent): void {
    this.#adopt(childOf(event))
    const sessionId = sessionOf(event)
    const isOwn = sessionId === this.#sessionId
    if (!isOwn && (sessionId === undefined || !this.#children.has(sessionId))) return
    const { properties } = event
    if (event.type === 'permission.asked' || event.type === 'question.asked') return this.#ask(properties)
    if (event.type === 'message.updated') return this.#onMessage(parseMessage(properties['info']), isOwn)
    if (event.type === 'session.status') return this.#onStatus(parseStatus(properties['status']), isOwn)
    if (!isOwn) return
    if (event.type === 'message.part.updated') return this.#onPart(parsePart(properties['part']))
    if (event.type === 'message.part.delta') return this.#onDelta(properties)
    if (event.type === 'session.idle') return this.#onIdle()
    if (event.type === 'session.error') this.#onError(properties['error'])
  }

  #adopt(link: SessionLink | undefined): void {
    if (link && (link.parentId === this.#sessionId || this.#children.has(link.parentId)))
      this.#children.add(link.childId)
  }

  #ask(entry: unknown): void {
    const request = parseRequest(entry, this.#sessionId)
    if (!request || this.#asked.has(request.id)) return
    this.#asked.add(request.id)
    this.#outputs.push({ type: 'request', request })
  }

  #onMessage(message: WireMessage | undefined, isOwn: boolean): void {
    if (!message) return
    if (message.role === 'user') return isOwn ? this.#onUserMessage(message.id) : undefined
    const isAnswer = isOwn && message.parentId !== undefined && this.#prompts.has(message.parentId)
    if (!isOwn) this.#answers.spend(message)
    if (!isAnswer) return
    if (this.#answers.take(message)) {
      this.#busy = true
      this.#idle = false
      if (!message.summary) this.#failure = undefined
    }
    if (message.summary && message.error) this.#failure ??= failureOf(message.error, this.#mask)
  }

  #onUserMessage(id: string): void {
    this.#promptId ??= id
    if (id === this.#promptId) this.#prompts.add(id)
    else if (this.#prompts.size > 0) this.#strangers.add(id)
  }

  #onPart(part: WirePart | undefined): void {
    if (!part) return
    if (part.synthetic && this.#strangers.delete(part.messageId)) this.#prompts.add(part.messageId)
    const message = this.#answers.get(part.messageId)
    if (!message || message.summary) return
    if (part.tool) {
      this.#answers.called(message.id)
      return this.#calls.take(part.tool)
    }
    if (part.type === 'step-start') return this.#transcript.begin(part)
    if (part.type === 'step-finish') return this.#transcript.finish(part)
    if (part.type === 'text' || part.type === 'reasoning') this.#transcript.update(part)
  }

  #onDelta({ messageID, partID, field, delta }: Record<string, unknown>): void {
    if (typeof messageID !== 'string' || typeof partID !== 'string' || typeof delta !== 'string') return
    const message = this.#answers.get(messageID)
    if (field === 'text' && message && !message.summary) this.#transcript.append(partID, delta)
  }

  #onStatus(status: WireStatus | undefined, isOwn: boolean): void {
    if (!status) return
    if (status.type === 'retry') return this.#onRetry(status, isOwn)
    if (!isOwn) return
    if (status.type === 'idle') return this.#onIdle()
    if (this.#prompts.size > 0) this.#busy = true
    this.#idle = false
  }

  /** Emits a retry notice, also for a child session, because its parent waits for the child. */
  #onRetry({ attempt, message, next }: WireStatus & { type: 'retry' }, isOwn: boolean): void {
    if (isOwn && this.#prompts.size === 0) return
    const { last } = this.#answers
    if (isOwn && last && !last.completed) this.#transcript.retry(last.id)
    this.#outputs.push({ type: 'retry', attempt, message: safeLine(this.#mask(message)), nextAt: next })
  }

  /**
   * Keeps the first error since the last progress, because it is the most precise. Later errors repeat it,
   * with a stack.
   */
  #onError(value: unknown): void {
    const error = parseError(value)
    if (!error) return
    this.#failure ??= failureOf(error, this.#mask)
    if (this.#busy && this.#idle) this.#conclude()
  }

  #onIdle(): void {
    if (!this.#busy) return
    this.#idle = true
    this.#conclude()
  }

  /** Ends the turn of an idle session if the end is certain, and returns whether the turn ended. */
  #conclude(): boolean {
    const { last } = this.#answers
    const isWhole = last?.completed === true && last.finish !== undefined && !last.error
    if (isWhole && last.finish !== 'tool-calls') this.#finish(last.finish)
    else if (this.#failure) this.#fail(this.#failure)
    else if (last?.error) this.#fail(failureOf(last.error, this.#mask))
    else if (isWhole) this.#finish(last.finish)
    else if (last?.completed) this.#fail(aborted)
    return this.#done
  }

  #catchUp(snapshot: TurnSnapshot, isCertain: boolean): void {
    this.#promptId ??= latestPrompt(snapshot.messages, this.#sessionId)
    for (const event of messageEvents(snapshot.messages)) this.#apply(event)
    this.#transcript.tear()
    for (const event of requestEvents(snapshot.requests)) this.#apply(event)
    this.#catchUpStatus(snapshot.status, isCertain)
  }

  /** Applies the status of a snapshot; `GET /session/status` omits idle sessions. */
  #catchUpStatus(value: unknown, isCertain: boolean): void {
    const own = isFields(value) ? value[this.#sessionId] : undefined
    const status = parseStatus(own) ?? parseStatus(value) ?? { type: 'idle' }
    if (status.type !== 'idle') return this.#onStatus(status, true)
    if (this.#prompts.size > 0 && this.#conclude()) return
    if (!isCertain) return
    if (this.#failure) return this.#fail(refused(this.#failure))
    if (this.#prompts.size === 0) return
    this.#fail({ code: 'internal', error: 'The server went idle without an answer', retryable: false })
  }

  #finish(finish_reason: string | undefined): void {
    const content = this.#transcript.answer
    const trace_id = this.#traceId
    this.#reply({ kind: 'final', trace_id, content, finish_reason: finish_reason ?? null, usage: this.usage })
  }

  #fail(failure: Failure): void {
    const { code, error, retryable } = failure
    const partial = this.#transcript.answer
    const trace_id = this.#traceId
    this.#reply({ kind: 'error', trace_id, error, code, retryable, ...(partial !== '' && { partial }) })
  }

  #reply(reply: Reply): void {
    this.#outputs.push({ type: 'reply', reply })
    this.#done = isTerminal(reply)
  }
}

const aborted: Failure = { code: 'cancelled', error: 'Aborted', retryable: false }

/**
 * Returns the failure for an error before the prompt became a message: the server rejected the input (unknown
 * agent, undecodable image).
 */
const refused = (failure: Failure): Failure =>
  failure.code === 'internal' ? { ...failure, code: 'rejected' } : failure
