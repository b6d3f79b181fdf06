import type { DeltaReply, ReasoningReply } from '../../../replies.ts'
import type { WirePart } from '../../../io/opencode/wire.ts'

/** Text or reasoning part of a message, with its state. */
interface TextPart {
  kind: 'delta' | 'reasoning'
  messageId: string
  /** Step of the message in which the part was created; a message has several steps if the server retried. */
  step: string | undefined
  /** Emitted pieces of the text; in the end exactly the text that the part adds to the answer. */
  sent: string[]
  /** First half of a surrogate pair at the end of a delta; emitted together with the second half. */
  half: string
  /** Whole text; `undefined` until the part has ended. */
  whole: string | undefined
  /** True if a retry of the part's attempt was announced. */
  isRetried: boolean
  /** True if the announced retry has begun, so that the part does not belong to the answer. */
  isDropped: boolean
  /**
   * True if deltas were missed. New deltas may not join the emitted text, so the part waits for the whole
   * text.
   */
  awaitsWhole: boolean
}

/**
 * Text and reasoning of a turn's assistant messages, part by part.
 *
 * @remarks Observed in opencode, `message.part.delta`: deltas of text and of reasoning look alike, so
 * that only the type of the part distinguishes them.
 */
export class Transcript {
  readonly #traceId: string | null
  readonly #emit: (piece: DeltaReply | ReasoningReply) => void
  readonly #parts = new Map<string, TextPart>()
  /** Ids of parts whose deltas arrived before the part itself; only missed events cause this. */
  readonly #unannounced = new Set<string>()
  readonly #steps = new Set<string>()
  /** Last step of each message, and whether the step is unfinished. */
  readonly #lastSteps = new Map<string, { id: string; isOpen: boolean }>()

  /**
   * Creates a transcript.
   *
   * @param emit - receives each piece of text that is known to join the emitted text
   */
  constructor(traceId: string | null, emit: (piece: DeltaReply | ReasoningReply) => void) {
    this.#traceId = traceId
    this.#emit = emit
  }

  /** Answer so far: the emitted text of all text parts that count, in order. */
  get answer(): string {
    const parts = [...this.#parts.values()].filter(({ kind, isDropped }) => kind === 'delta' && !isDropped)
    return parts.flatMap(({ sent }) => sent).join('')
  }

  /** Applies a text or reasoning part. When the part ends, the rest of the whole text is emitted. */
  update(update: WirePart): void {
    const part = this.#parts.get(update.id) ?? this.#open(update)
    if (part.whole !== undefined) return
    if (update.ended) part.whole = update.text
    if (!part.isDropped) this.#complete(part, update.text)
  }

  /** Applies a delta of a part; the delta is held back if it might not join the emitted text. */
  append(partId: string, delta: string): void {
    const part = this.#parts.get(partId)
    if (!part) return void this.#unannounced.add(partId)
    if (part.isDropped || part.whole !== undefined || part.awaitsWhole) return
    const text = part.half + delta
    const isCut = isFirstHalf(text.charCodeAt(text.length - 1))
    part.half = isCut ? text.slice(-1) : ''
    this.#send(part, isCut ? text.slice(0, -1) : text)
  }

  /**
   * Records an announced retry. When the retry emits a part or step, the text of the message's attempt so far
   * no longer belongs to the answer.
   */
  retry(messageId: string): void {
    for (const part of this.#partsOf(messageId)) part.isRetried = true
  }

  /**
   * Records the start of a step. An unfinished earlier step of the same message was retried, also if the
   * retry notice was missed.
   */
  beginStep({ id, messageId }: WirePart): void {
    if (this.#steps.has(id)) return
    this.#steps.add(id)
    if (this.#lastSteps.get(messageId)?.isOpen === true) this.retry(messageId)
    this.#dropRetried(messageId)
    this.#lastSteps.set(messageId, { id, isOpen: true })
  }

  /**
   * Records the end of a step. A finished step was not retried, so its text counts, even if an old retry
   * notice arrived after a snapshot.
   */
  finishStep({ messageId }: WirePart): void {
    const step = this.#lastSteps.get(messageId)
    if (!step) return
    step.isOpen = false
    for (const part of this.#partsOf(messageId).filter((part) => part.step === step.id)) {
      part.isRetried = false
      part.isDropped = false
      if (part.whole !== undefined) this.#complete(part, part.whole)
    }
  }

  /** Makes open parts wait for their whole text after missed events. Ended parts accept no more text anyway. */
  awaitWholeTexts(): void {
    for (const part of this.#parts.values()) part.awaitsWhole = true
  }

  #open({ id, messageId, type }: WirePart): TextPart {
    const kind = type === 'reasoning' ? 'reasoning' : 'delta'
    const awaitsWhole = this.#unannounced.delete(id)
    this.#dropRetried(messageId)
    const step = this.#lastSteps.get(messageId)?.id
    const state = { sent: [], half: '', whole: undefined, isRetried: false, isDropped: false, awaitsWhole }
    const part: TextPart = { kind, messageId, step, ...state }
    this.#parts.set(id, part)
    return part
  }

  #partsOf(messageId: string): TextPart[] {
    return [...this.#parts.values()].filter((part) => part.messageId === messageId)
  }

  #dropRetried(messageId: string): void {
    for (const part of this.#partsOf(messageId)) if (part.isRetried) part.isDropped = true
  }

  /** Emits the rest of a text if the rest joins the emitted text. */
  #complete(part: TextPart, text: string): void {
    const sent = part.sent.join('')
    if (text.startsWith(sent)) this.#send(part, text.slice(sent.length))
  }

  #send(part: TextPart, content: string): void {
    if (content === '') return
    part.sent.push(content)
    this.#emit({ kind: part.kind, trace_id: this.#traceId, content })
  }
}

/** Returns whether a code unit is the first half of a surrogate pair. */
const isFirstHalf = (code: number): boolean => code >= 0xd800 && code <= 0xdbff
