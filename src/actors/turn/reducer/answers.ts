import { addUsage, noUsage, type Usage } from '../../../replies.ts'
import type { WireMessage } from '../../../io/opencode/wire.ts'

/** Assistant messages of a turn in their latest state, and their cost. */
export class Answers {
  readonly #messages = new Map<string, WireMessage>()
  readonly #spent = new Map<string, Usage>()
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
    return this.#inARow(
      ({ id, finish }) => finish === 'unknown' || (finish === 'tool-calls' && !this.#callers.has(id)),
    )
  }

  /** Number of consecutive context overflows. */
  get overflows(): number {
    return this.#inARow(({ finish, error }) => finish === undefined && !error)
  }

  get(id: string): WireMessage | undefined {
    return this.#messages.get(id)
  }

  /** Stores a message's present state and returns whether the message is new. */
  take(message: WireMessage): boolean {
    const isNew = !this.#messages.has(message.id)
    this.#messages.set(message.id, message)
    if (!message.summary) this.#last = message
    this.spend(message)
    return isNew
  }

  /** Counts only the cost of a message, for messages of child sessions. */
  spend({ id, usage }: WireMessage): void {
    if (!usage) return
    this.#spent.set(id, usage)
    this.#usage = [...this.#spent.values()].reduce(addUsage, noUsage())
  }

  /** Records that a message called a tool. */
  called(id: string): void {
    this.#callers.add(id)
  }

  /** Returns how many of the last ended answers match in a row. */
  #inARow(isSuch: (message: WireMessage) => boolean): number {
    const ended = [...this.#messages.values()].filter(({ summary, completed }) => !summary && completed)
    return ended.length - 1 - ended.findLastIndex((message) => !isSuch(message))
  }
}
