import type { DeltaReply, ReasoningReply } from '../../../replies.ts'
import type { WirePart } from '../../../io/opencode/wire.ts'

interface Stretch {
  kind: 'delta' | 'reasoning'
  messageId: string
  /** Step of the message in which the part was created; a message has several steps if the server retried. */
  step: string | undefined
  /** Emitted pieces of the text; at the end, exactly the part's share of the answer. */
  sent: string[]
  /** First half of a surrogate pair at the end of a delta; emitted together with the second half. */
  half: string
  /** Whole text, set when the part has ended. */
  whole: string | undefined
  /** True if a retry of the part's attempt was announced. */
  doomed: boolean
  /** True if that retry has begun, so that the part does not belong to the answer. */
  dropped: boolean
  /**
   * True if deltas were missed. New deltas may not join the emitted text, so the part waits for the whole
   * text.
   */
  torn: boolean
}

/**
 * Text and reasoning of a turn's assistant messages, part by part.
 *
 * @remarks Observed in opencode 1.18.33, `message.part.delta`: deltas of text and of reasoning look alike, so
 * that only the type of the part distinguishes them.
 */
export class Transcript {
  readonly #traceId: string | null
  readonly #say: (piece: DeltaReply | ReasoningReply) => void
  readonly #parts = new Map<string, Stretch>()
  /** Ids of parts whose deltas arrived before the part itself; only missed events cause this. */
  readonly #headless = new Set<string>()
  readonly #steps = new Set<string>()
  /** Last step of each message, and whether the step is unfinished. */
  readonly #lastSteps = new Map<string, { id: string; isOpen: boolean }>()

  /**
   * Creates a transcript.
   *
   * @param say - receives each piece of text that is known to join the emitted text
   */
  constructor(traceId: string | null, say: (piece: DeltaReply | ReasoningReply) => void) {
    this.#traceId = traceId
    this.#say = say
  }

  /** Answer so far: the emitted text of all text parts that count, in order. */
  get answer(): string {
    const parts = [...this.#parts.values()].filter(({ kind, dropped }) => kind === 'delta' && !dropped)
    return parts.flatMap(({ sent }) => sent).join('')
  }

  /** Applies a text or reasoning part. When the part ends, the rest of the whole text is emitted. */
  update(part: WirePart): void {
    const stretch = this.#parts.get(part.id) ?? this.#open(part)
    if (stretch.whole !== undefined) return
    if (part.ended) stretch.whole = part.text
    if (!stretch.dropped) this.#complete(stretch, part.text)
  }

  /** Applies a delta of a part; the delta is held back if it might not join the emitted text. */
  append(partId: string, delta: string): void {
    const stretch = this.#parts.get(partId)
    if (!stretch) return void this.#headless.add(partId)
    if (stretch.dropped || stretch.whole !== undefined || stretch.torn) return
    const text = stretch.half + delta
    const isCut = isFirstHalf(text.charCodeAt(text.length - 1))
    stretch.half = isCut ? text.slice(-1) : ''
    this.#send(stretch, isCut ? text.slice(0, -1) : text)
  }

  /**
   * Records an announced retry. When the retry emits a part or step, the text of the message's attempt so far
   * no longer belongs to the answer.
   */
  retry(messageId: string): void {
    for (const part of this.#partsOf(messageId)) part.doomed = true
  }

  /**
   * Records the start of a step. An unfinished earlier step of the same message was retried, also if the
   * retry notice was missed.
   */
  begin({ id, messageId }: WirePart): void {
    if (this.#steps.has(id)) return
    this.#steps.add(id)
    if (this.#lastSteps.get(messageId)?.isOpen === true) this.retry(messageId)
    this.#dropDoomed(messageId)
    this.#lastSteps.set(messageId, { id, isOpen: true })
  }

  /**
   * Records the end of a step. A finished step was not retried, so its text counts, even if an old retry
   * notice arrived after a snapshot.
   */
  finish({ messageId }: WirePart): void {
    const step = this.#lastSteps.get(messageId)
    if (!step) return
    step.isOpen = false
    for (const part of this.#partsOf(messageId).filter((part) => part.step === step.id)) {
      part.doomed = false
      part.dropped = false
      if (part.whole !== undefined) this.#complete(part, part.whole)
    }
  }

  /**
   * Records missed events: open parts wait for their whole text. Ended parts accept no further text anyway.
   */
  tear(): void {
    for (const part of this.#parts.values()) part.torn = true
  }

  #open(part: WirePart): Stretch {
    const kind = part.type === 'reasoning' ? 'reasoning' : 'delta'
    const torn = this.#headless.delete(part.id)
    const { messageId } = part
    this.#dropDoomed(messageId)
    const step = this.#lastSteps.get(messageId)?.id
    const state = { sent: [], half: '', whole: undefined, doomed: false, dropped: false, torn }
    const stretch: Stretch = { kind, messageId, step, ...state }
    this.#parts.set(part.id, stretch)
    return stretch
  }

  #partsOf(messageId: string): Stretch[] {
    return [...this.#parts.values()].filter((part) => part.messageId === messageId)
  }

  #dropDoomed(messageId: string): void {
    for (const part of this.#partsOf(messageId)) if (part.doomed) part.dropped = true
  }

  /** Emits the rest of a text if the rest joins the emitted text. */
  #complete(stretch: Stretch, text: string): void {
    const sent = stretch.sent.join('')
    if (text.startsWith(sent)) this.#send(stretch, text.slice(sent.length))
  }

  #send(stretch: Stretch, content: string): void {
    if (content === '') return
    stretch.sent.push(content)
    this.#say({ kind: stretch.kind, trace_id: this.#traceId, content })
  }
}

/** Returns whether a code unit is the first half of a surrogate pair. */
const isFirstHalf = (code: number): boolean => code >= 0xd800 && code <= 0xdbff
