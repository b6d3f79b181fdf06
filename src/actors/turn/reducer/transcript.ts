import type { DeltaReply, ReasoningReply } from '../../../replies.ts'
import type { WirePart } from '../../../io/opencode/wire.ts'

interface Stretch {
  kind: 'delta' | 'reasoning'
  messageId: string
  /** The step it was made in; a message has several where the server retried. */
  step: string | undefined
  /** What was sent of it, in pieces; at the end, exactly its share of the answer. */
  sent: string[]
  /** The first half of a surrogate pair, which a delta may be cut at: sent with its other half. */
  half: string
  /** The whole text, once the part ended. */
  whole: string | undefined
  /** A retry of its attempt was announced. */
  doomed: boolean
  /** That retry has begun: no part of the answer. */
  dropped: boolean
  /** Deltas were missed: what comes now may not join what was sent, so it waits for the whole text. */
  torn: boolean
}

/**
 * The text and reasoning of a turn's assistant messages, part by part. Only the part's type tells reasoning
 * from text: their deltas look alike (opencode 1.18.33, `message.part.delta`).
 */
export class Transcript {
  readonly #traceId: string | null
  readonly #say: (piece: DeltaReply | ReasoningReply) => void
  readonly #parts = new Map<string, Stretch>()
  /** Parts whose deltas came before the part itself, as only a gap makes them. */
  readonly #headless = new Set<string>()
  readonly #steps = new Set<string>()
  /** The last step of each message, and whether it is unfinished. */
  readonly #lastSteps = new Map<string, { id: string; isOpen: boolean }>()

  /** `say` is given each piece of text that is known to join what was sent before. */
  constructor(traceId: string | null, say: (piece: DeltaReply | ReasoningReply) => void) {
    this.#traceId = traceId
    this.#say = say
  }

  /** The answer so far: what was sent of every text part that counts, in order. */
  get answer(): string {
    const parts = [...this.#parts.values()].filter(({ kind, dropped }) => kind === 'delta' && !dropped)
    return parts.flatMap(({ sent }) => sent).join('')
  }

  /** Takes a text or reasoning part; the whole text, known when the part ends, sends what is missing of it. */
  update(part: WirePart): void {
    const stretch = this.#parts.get(part.id) ?? this.#open(part)
    if (stretch.whole !== undefined) return
    if (part.ended) stretch.whole = part.text
    if (!stretch.dropped) this.#complete(stretch, part.text)
  }

  /** Takes a delta of a part; held back where it might not join. */
  append(partId: string, delta: string): void {
    const stretch = this.#parts.get(partId)
    if (!stretch) return void this.#headless.add(partId)
    if (stretch.dropped || stretch.whole !== undefined || stretch.torn) return
    const text = stretch.half + delta
    const isCut = isFirstHalf(text.charCodeAt(text.length - 1))
    stretch.half = isCut ? text.slice(-1) : ''
    this.#send(stretch, isCut ? text.slice(0, -1) : text)
  }

  /** A retry is announced: once it says anything, the text of the message's attempt so far is no part of the answer. */
  retry(messageId: string): void {
    for (const part of this.#partsOf(messageId)) part.doomed = true
  }

  /** A step begins: one before it in the same message that did not finish was retried, also if the notice was missed. */
  begin({ id, messageId }: WirePart): void {
    if (this.#steps.has(id)) return
    this.#steps.add(id)
    if (this.#lastSteps.get(messageId)?.isOpen === true) this.retry(messageId)
    this.#dropDoomed(messageId)
    this.#lastSteps.set(messageId, { id, isOpen: true })
  }

  /** A step is finished, so it was not retried: its text counts, even if an old notice of a retry came after a snapshot. */
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

  /** Marks a gap: parts that are still open wait for their whole text; those that have ended take nothing anyway. */
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

  /** Sends what is missing of a text, where it joins. */
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

/** Whether a code unit is the first of a surrogate pair. */
const isFirstHalf = (code: number): boolean => code >= 0xd800 && code <= 0xdbff
