import { addUsage, noUsage, type Usage } from '../../../replies.ts'
import type { WireMessage } from '../../../io/opencode/wire.ts'

/** The assistant messages of a turn, as they were last told, and what they cost. */
export class Answers {
  readonly #messages = new Map<string, WireMessage>()
  readonly #spent = new Map<string, Usage>()
  /** Messages that called a tool. */
  readonly #callers = new Set<string>()
  #last: WireMessage | undefined
  #usage = noUsage()

  get isEmpty(): boolean {
    return this.#messages.size === 0
  }

  /** The latest one that is no compaction's summary. */
  get last(): WireMessage | undefined {
    return this.#last
  }

  /** What they have cost so far: every message once, those of child sessions included. Another object once it has changed. */
  get usage(): Readonly<Usage> {
    return this.#usage
  }

  /** How often in a row an answer ended without a finish that the server takes for one. */
  get unfinished(): number {
    return this.#inARow(
      ({ id, finish }) => finish === 'unknown' || (finish === 'tool-calls' && !this.#callers.has(id)),
    )
  }

  /** How often in a row the context overflowed. */
  get overflows(): number {
    return this.#inARow(({ finish, error }) => finish === undefined && !error)
  }

  get(id: string): WireMessage | undefined {
    return this.#messages.get(id)
  }

  /** Takes a message as it is now; answers whether it is new. */
  take(message: WireMessage): boolean {
    const isNew = !this.#messages.has(message.id)
    this.#messages.set(message.id, message)
    if (!message.summary) this.#last = message
    this.spend(message)
    return isNew
  }

  /** Counts a message for its cost only: one of a child session. */
  spend({ id, usage }: WireMessage): void {
    if (!usage) return
    this.#spent.set(id, usage)
    this.#usage = [...this.#spent.values()].reduce(addUsage, noUsage())
  }

  /** A message called a tool. */
  called(id: string): void {
    this.#callers.add(id)
  }

  /** How many of the last answers that ended are such. */
  #inARow(isSuch: (message: WireMessage) => boolean): number {
    const ended = [...this.#messages.values()].filter(({ summary, completed }) => !summary && completed)
    return ended.length - 1 - ended.findLastIndex((message) => !isSuch(message))
  }
}
