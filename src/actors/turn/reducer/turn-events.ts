import type { OpenCodeEvent, TurnOutput } from '../../../replies.ts'
import { Answers } from './answers.ts'
import { endingOf, noAnswer, rejectedInput, rejectedLoop, type Ending } from './ending.ts'
import { failureOf, type Failure, type Mask } from './failure.ts'
import { messageEvents, requestEvents, type TurnSnapshot } from './resync.ts'
import { ToolCalls } from './tool-calls.ts'
import { Transcript } from './transcript.ts'
import { TurnScope } from './turn-scope.ts'
import {
  isFields,
  parseError,
  parseMessage,
  parsePart,
  parseRequest,
  parseStatus,
  sessionOf,
} from '../../../io/opencode/wire.ts'
import { structuredOutputTool } from '../../../io/opencode/structured-output.ts'
import type { WireError, WireMessage, WirePart, WireStatus } from '../../../io/opencode/wire.ts'

/** Turn whose events are applied, and the receivers of the results. */
export interface TurnEventsOptions {
  sessionId: string
  messageId: string | undefined
  traceId: string | null
  mask: Mask
  endpoint: string | undefined
  hostTools?: readonly string[] | undefined
  isStructured: boolean
  /** Receives each output except the terminal reply. */
  emit: (output: TurnOutput) => void
  /** Receives the turn's end. */
  end: (ending: Ending) => void
}

/** Events of opencode's stream, applied to one turn. */
export class TurnEvents {
  readonly answers = new Answers()
  readonly transcript: Transcript
  readonly #options: TurnEventsOptions
  readonly #scope: TurnScope
  readonly #calls: ToolCalls
  readonly #asked = new Set<string>()
  #isStructured: boolean
  #busy = false
  #idle = false
  #failure: Failure | undefined

  constructor(options: TurnEventsOptions) {
    const { sessionId, messageId, traceId, isStructured, emit } = options
    this.#options = options
    this.#isStructured = isStructured
    this.#scope = new TurnScope(sessionId, messageId)
    this.transcript = new Transcript(traceId, (reply) => {
      if (reply.kind === 'reasoning' || !this.#isStructured) emit({ type: 'reply', reply })
    })
    this.#calls = new ToolCalls(traceId, (reply) => emit({ type: 'reply', reply }), options.hostTools)
  }

  /** True if the server has begun an answer to the latest prompt, or reported an error. */
  get hasReported(): boolean {
    return !this.answers.isEmpty || this.#failure !== undefined
  }

  /** Returns the id of a call of the turn's own session, as the replies have it. */
  callIdOf(partId: string, callId: string): string {
    return this.#calls.idOfPart(partId, callId)
  }

  /** Text of the answer so far; none of a turn with a structured answer, whose words do not count. */
  get answer(): string {
    return this.#isStructured ? '' : this.transcript.answer
  }

  /** Begins a further prompt of the turn; the ends of earlier prompts no longer count. */
  goOn(messageId: string): void {
    this.#scope.addPrompt(messageId)
    this.answers.beginPrompt()
    this.#busy = false
    this.#idle = false
    this.#failure = undefined
  }

  /** Applies an event; an event of another session, a malformed or an unknown event changes nothing. */
  apply(event: OpenCodeEvent): void {
    this.#scope.adoptChild(event)
    const sessionId = sessionOf(event)
    const isOwn = this.#scope.isOwn(sessionId)
    if (!this.#scope.includes(sessionId)) return
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

  /**
   * Applies a snapshot of the server's state.
   *
   * @param isCertain - `false` if an idle session may still begin the turn
   */
  resync(snapshot: TurnSnapshot, isCertain: boolean): void {
    this.#scope.findPrompt(snapshot.messages)
    for (const event of messageEvents(snapshot.messages)) this.apply(event)
    this.transcript.awaitWholeTexts()
    for (const event of requestEvents(snapshot.requests)) this.apply(event)
    this.#resyncStatus(snapshot.status, isCertain)
  }

  /** Applies the status of a snapshot; `GET /session/status` omits idle sessions. */
  #resyncStatus(value: unknown, isCertain: boolean): void {
    const own = isFields(value) ? value[this.#options.sessionId] : undefined
    const status = parseStatus(own) ?? parseStatus(value) ?? { type: 'idle' }
    if (status.type !== 'idle') return this.#onStatus(status, true)
    if (this.#scope.hasPrompt && this.#conclude()) return
    if (!isCertain) return
    if (this.#failure) return this.#options.end({ failure: rejectedInput(this.#failure) })
    if (this.#scope.hasPrompt) this.#options.end({ failure: noAnswer })
  }

  #ask(entry: unknown): void {
    const request = parseRequest(entry, this.#options.sessionId)
    if (!request || this.#asked.has(request.id)) return
    this.#asked.add(request.id)
    // The request names the call as the replies do. Calls of a child session have no replies.
    if (request.tool && !request.child) request.tool = { callId: this.#calls.idOf(request.tool.callId) }
    this.#options.emit({ type: 'request', request })
  }

  #onMessage(message: WireMessage | undefined, isOwn: boolean): void {
    if (!message) return
    if (message.role === 'user') return isOwn ? this.#onUserMessage(message) : undefined
    if (!isOwn || this.#scope.isEarlierAnswer(message)) return this.answers.countUsage(message)
    if (!this.#scope.isAnswer(message)) return
    if (this.answers.update(message)) {
      this.#busy = true
      this.#idle = false
      if (!message.summary) this.#failure = undefined
    }
    if (message.summary && message.error) this.#failure ??= this.#failureOf(message.error)
  }

  #onUserMessage({ id, asksForStructure }: WireMessage): void {
    this.#scope.addUserMessage(id)
    if (asksForStructure && this.#scope.isPrompt(id)) this.#isStructured = true
  }

  #onPart(part: WirePart | undefined): void {
    if (!part) return
    if (part.synthetic) this.#scope.adoptSynthetic(part.messageId)
    const message = this.answers.get(part.messageId)
    if (!message || message.summary) return
    if (part.tool) {
      this.answers.addCaller(message.id)
      if (this.#isStructured && part.tool.name === structuredOutputTool) return
      return this.#calls.update(part.id, part.tool)
    }
    if (part.type === 'step-start') return this.transcript.beginStep(part)
    if (part.type === 'step-finish') {
      this.answers.endStep(message.id)
      return this.transcript.finishStep(part)
    }
    if (part.type === 'text' || part.type === 'reasoning') this.transcript.update(part)
  }

  #onDelta({ messageID, partID, field, delta }: Record<string, unknown>): void {
    if (typeof messageID !== 'string' || typeof partID !== 'string' || typeof delta !== 'string') return
    const message = this.answers.get(messageID)
    if (field === 'text' && message && !message.summary) this.transcript.append(partID, delta)
  }

  #onStatus(status: WireStatus | undefined, isOwn: boolean): void {
    if (!status) return
    if (status.type === 'retry') return this.#onRetry(status, isOwn)
    if (!isOwn) return
    if (status.type === 'idle') return this.#onIdle()
    if (this.#scope.hasPrompt) this.#busy = true
    this.#idle = false
  }

  /** Emits a retry notice, also for a child session, because its parent waits for the child. */
  #onRetry({ attempt, message, next }: WireStatus & { type: 'retry' }, isOwn: boolean): void {
    if (isOwn && !this.#scope.hasPrompt) return
    const { last } = this.answers
    if (isOwn && last && !last.completed) this.transcript.retry(last.id)
    const { emit, mask } = this.#options
    // The whole message, because its code may stand in a later line.
    emit({ type: 'retry', attempt, message: mask(message), nextAt: next })
  }

  /**
   * Keeps the first error since the last progress, because the first error is the most precise. Later errors
   * repeat the first error, with a stack.
   */
  #onError(value: unknown): void {
    const error = parseError(value)
    if (!error) return
    this.#failure ??= this.#failureOf(error)
    if (this.#busy && this.#idle) this.#conclude()
  }

  #onIdle(): void {
    if (!this.#busy) return
    this.#idle = true
    this.#conclude()
  }

  #failureOf(error: WireError): Failure {
    const { mask, endpoint } = this.#options
    return rejectedLoop(failureOf(error, mask, endpoint))
  }

  /** Ends the turn of an idle session if the end is certain, and returns whether the turn ended. */
  #conclude(): boolean {
    const ending = endingOf(this.answers.last, this.#failure, (error) => this.#failureOf(error))
    if (ending) this.#options.end(ending)
    return ending !== undefined
  }
}
