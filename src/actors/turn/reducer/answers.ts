import { addUsage, noUsage, type Usage } from '../../../replies.ts'
import type { WireMessage } from '../../../io/opencode/wire.ts'

/** Assistant messages of a turn in their latest state, and their usage. */
export class Answers {
  /** Messages of the latest prompt. */
  readonly #messages = new Map<string, WireMessage>()
  readonly #usages = new Map<string, Usage>()
  /** Ids of messages that called a tool. */
  readonly #callers = new Set<string>()
  /** Ids of messages whose step has ended, so that all their tool calls are known. */
  readonly #ended = new Set<string>()
  #last: WireMessage | undefined
  #usage = noUsage()

  get isEmpty(): boolean {
    return this.#messages.size === 0
  }

  /** Latest message that is not the summary of a compaction. */
  get last(): WireMessage | undefined {
    return this.#last
  }

  /**
   * Usage so far: every message counts once, including those of child sessions. A changed usage is another
   * object.
   */
  get usage(): Readonly<Usage> {
    return this.#usage
  }

  /**
   * Number of consecutive answers that ended without a finish reason that the server accepts. An answer
   * without a call does not count while a call may still be reported.
   */
  get unfinished(): number {
    const lacksCall = ({ id, finish }: WireMessage) => finish === 'tool-calls' && !this.#callers.has(id)
    return this.#consecutive(
      (message) => message.finish === 'unknown' || lacksCall(message),
      (message) => message === this.#last && lacksCall(message) && !this.#ended.has(message.id),
    )
  }

  /** Number of consecutive context overflows. */
  get overflows(): number {
    return this.#consecutive(({ finish, error }) => finish === undefined && !error)
  }

  /** Number of compactions since the last answer that called a tool. */
  get compactions(): number {
    const messages = [...this.#messages.values()]
    const since = messages.findLastIndex(({ id }) => this.#callers.has(id))
    return messages.slice(since + 1).filter(({ summary }) => summary).length
  }

  /** Begins a further prompt. Messages of earlier prompts are answered, and only their usage counts. */
  beginPrompt(): void {
    this.#messages.clear()
    this.#last = undefined
  }

  get(id: string): WireMessage | undefined {
    return this.#messages.get(id)
  }

  /** Stores a message's present state and returns whether the message is new. */
  update(message: WireMessage): boolean {
    const isNew = !this.#messages.has(message.id)
    this.#messages.set(message.id, message)
    if (!message.summary) this.#last = message
    this.countUsage(message)
    return isNew
  }

  /** Counts only the usage of a message; for messages of child sessions. */
  countUsage({ id, usage }: WireMessage): void {
    if (!usage) return
    this.#usages.set(id, usage)
    this.#usage = [...this.#usages.values()].reduce(addUsage, noUsage())
  }

  /** Records that a message called a tool. */
  addCaller(id: string): void {
    this.#callers.add(id)
  }

  /**
   * Records that a message's step has ended.
   *
   * @remarks Observed in opencode: a message may be reported as completed before its tool parts (28
   * of 72). The part `step-finish` and the next message came after the tool parts in each case.
   */
  endStep(id: string): void {
    this.#ended.add(id)
  }

  /** Returns how many of the latest completed answers match, without a gap. Open answers are left out. */
  #consecutive(
    matches: (message: WireMessage) => boolean,
    isOpen: (message: WireMessage) => boolean = () => false,
  ): number {
    const completed = [...this.#messages.values()].filter(
      (message) => !message.summary && message.completed && !isOpen(message),
    )
    return completed.length - 1 - completed.findLastIndex((message) => !matches(message))
  }
}
