import type {
  DeltaReply,
  OpenCodeEvent,
  TerminalReply,
  TurnErrorCode,
  TurnOutput,
  Usage,
} from '../../../replies.ts'
import { SeenIds } from '../../server/seen-ids.ts'
import { isFields } from '../../../io/opencode/wire.ts'
import type { Ending } from './ending.ts'
import { isRetryable, safeLine, type Failure, type Mask } from './failure.ts'
import type { TurnSnapshot } from './resync.ts'
import { TurnEvents } from './turn-events.ts'

export type { TurnSnapshot } from './resync.ts'

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
  /**
   * URL of the models' endpoint, without user name, password, query and fragment. Errors name the URL if the
   * endpoint does not answer.
   *
   * @defaultValue no URL
   */
  endpoint?: string | undefined
  /**
   * Keys of the host tools. Replies name a host tool by its key, and not by the name that the model sees.
   *
   * @defaultValue no host tools
   */
  hostTools?: readonly string[] | undefined
  /**
   * True if the prompt asks for a structured answer: the model's words are dropped, and the answer is emitted
   * as JSON. A user message that says so has the same effect.
   *
   * @internal
   */
  isStructured?: boolean
  /**
   * Returns whether an end that the server reports is held back, because the turn may go on with another
   * prompt.
   *
   * @internal
   */
  holdsEnd?: (ending: Ending) => boolean
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
 * Observed in opencode: a turn is done when the session goes idle after it was busy with these
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
  readonly #traceId: string | null
  readonly #mask: Mask
  readonly #events: TurnEvents
  readonly #seen = new SeenIds()
  readonly #holdsEnd: (ending: Ending) => boolean
  #held: Ending | undefined
  #done = false
  #outputs: TurnOutput[] = []

  /**
   * Creates a reducer for one turn.
   *
   * @param options - session, user message and trace of the turn
   */
  constructor(options: TurnReducerOptions) {
    const { sessionId, messageId, traceId, mask = (text: string): string => text, endpoint } = options
    const { hostTools, holdsEnd = (): boolean => false, isStructured = false } = options
    this.#holdsEnd = holdsEnd
    this.#traceId = traceId
    this.#mask = mask
    const emit = (output: TurnOutput): void => void this.#outputs.push(output)
    const end = (ending: Ending): void => this.#onEnding(ending)
    const turn = { sessionId, messageId, traceId, mask, endpoint, hostTools, isStructured }
    this.#events = new TurnEvents({ ...turn, emit, end })
  }

  /** Returns whether the terminal reply was emitted; afterwards all methods do nothing. */
  get done(): boolean {
    return this.#done
  }

  /** Usage so far: every assistant message counts once, including those of child sessions. */
  get usage(): Usage {
    return this.#events.answers.usage
  }

  /**
   * Number of consecutive model answers that ended without a finish reason that the server accepts (none, an
   * unknown reason, or `tool_calls` without a call).
   *
   * @remarks Observed in opencode: the server asks the model again immediately, without limit.
   */
  get unfinished(): number {
    return this.#events.answers.unfinished
  }

  /**
   * Number of consecutive context overflows.
   *
   * @remarks Observed in opencode: the server compacts the context and asks the model again, without
   * limit.
   */
  get overflows(): number {
    return this.#events.answers.overflows
  }

  /**
   * Number of compactions since the last answer that called a tool.
   *
   * @remarks Observed in opencode: the server compacts the context after a finished answer that
   * filled the context, and asks the model to continue, without limit.
   */
  get compactions(): number {
    return this.#events.answers.compactions
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
   * Applies an event without a check for repetition.
   *
   * @internal
   */
  take(event: OpenCodeEvent): readonly TurnOutput[] {
    if (this.#done) return []
    this.#events.apply(event)
    return this.#collected()
  }

  /**
   * Returns whether the server has reported anything of the turn: an answer that has at least begun, or an
   * error.
   */
  get hasReported(): boolean {
    return this.#events.hasReported
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
    this.#events.resync(snapshot, isCertain)
    return this.#collected()
  }

  /**
   * Ends the turn for a local reason, such as a deadline, a stall, a cancellation or a dead server.
   *
   * @param failure - code and message of the error; `retryable` follows from the code if omitted
   * @returns the new outputs, in order
   */
  settle(failure: { code: TurnErrorCode; error: string; retryable?: boolean }): readonly TurnOutput[] {
    if (this.#done) return []
    const { code, retryable = isRetryable(code) } = failure
    const message: unknown = failure.error
    const error = safeLine(this.#mask(typeof message === 'string' ? message : code))
    this.#end({ failure: { code, error, retryable } })
    return this.#collected()
  }

  /**
   * Returns the id of a call as the replies have it.
   *
   * @internal
   * @param partId - part of the call, in the turn's own session
   * @param callId - id of the call at the provider
   */
  callIdOf(partId: string, callId: string): string {
    return this.#events.callIdOf(partId, callId)
  }

  /**
   * Returns whether the last answer is complete. The server may report a failure and idle before; a prompt
   * that is sent meanwhile can be lost.
   *
   * @remarks Observed in opencode: after a rejected `doom_loop`, the last answer is completed up to 300 ms
   * after the first idle, and a prompt in between got no answer.
   * @internal
   */
  get isSettled(): boolean {
    return this.#events.answers.last?.completed ?? true
  }

  /**
   * End that is held back; `undefined` if there is none.
   *
   * @internal
   */
  get held(): Ending | undefined {
    return this.#done ? undefined : this.#held
  }

  /**
   * Forgets the held end, because the turn goes on with another prompt.
   *
   * @internal
   * @param messageId - id of the prompt's user message
   */
  goOn(messageId: string): void {
    this.#held = undefined
    this.#events.goOn(messageId)
  }

  /**
   * Ends the turn with the held end, or with a failure instead.
   *
   * @internal
   * @param failure - failure that replaces the held end
   * @returns the new outputs, in order
   */
  release(failure?: Failure): readonly TurnOutput[] {
    if (this.#held && !this.#done) this.#end(failure ? { failure } : this.#held)
    return this.#collected()
  }

  #onEnding(ending: Ending): void {
    if (this.#held) return
    if (this.#holdsEnd(ending)) this.#held = ending
    else this.#end(ending)
  }

  /** Returns the outputs since the last call. */
  #collected(): readonly TurnOutput[] {
    const outputs = this.#outputs
    this.#outputs = []
    return outputs
  }

  #end(ending: Ending): void {
    const hasValue = 'structured' in ending
    const content = hasValue ? JSON.stringify(ending.structured) : this.#events.answer
    const piece: DeltaReply = { kind: 'delta', trace_id: this.#traceId, content }
    if (hasValue) this.#outputs.push({ type: 'reply', reply: piece })
    this.#outputs.push({ type: 'reply', reply: this.#terminalReply(ending, content) })
    this.#done = true
  }

  #terminalReply(ending: Ending, answer: string): TerminalReply {
    const trace_id = this.#traceId
    if ('failure' in ending) {
      const { code, error, retryable } = ending.failure
      const partial = answer !== '' && { partial: answer }
      return { kind: 'error', trace_id, error, code, retryable, ...partial }
    }
    const finish_reason = ending.finish ?? null
    return { kind: 'final', trace_id, content: answer, finish_reason, usage: this.usage }
  }
}
