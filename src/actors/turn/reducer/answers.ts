import { addUsage, noUsage, type Usage } from '../../../replies.ts'
import type { WireMessage } from '../../../io/opencode/wire.ts'

/** Assistant messages of a turn in their latest state, and their usage. */
export class Answers {
  readonly #messages = new Map<string, WireMessage>()
  readonly #usages = new Map<string, Usage>()
  /** Ids of messages that called a tool. */
  readonly #callers = new Set<string>()
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

  /** Number of consecutive answers that ended without a finish reason that the server accepts. */
  get unfinished(): number {
    return this.#consecutive(
      ({ id, finish }) => finish === 'unknown' || (finish === 'tool-calls' && !this.#callers.has(id)),
    )
  }

  /** Number of consecutive context overflows. */
  get overflows(): number {
    return this.#consecutive(({ finish, error }) => finish === undefined && !error)
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

  /** Returns how many of the latest completed answers match, without a gap. */
  #consecutive(matches: (message: WireMessage) => boolean): number {
    const completed = [...this.#messages.values()].filter((message) => !message.summary && message.completed)
    return completed.length - 1 - completed.findLastIndex((message) => !matches(message))
  }
}
