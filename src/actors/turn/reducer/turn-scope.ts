import type { OpenCodeEvent } from '../../../replies.ts'
import { childOf } from '../../../io/opencode/wire.ts'
import type { WireMessage } from '../../../io/opencode/wire.ts'
import { latestPrompt } from './resync.ts'

/** Sessions and user messages that belong to a turn. */
export class TurnScope {
  readonly #sessionId: string
  readonly #children = new Set<string>()
  /** Ids of the turn's user messages: the prompt, and the messages that the server adds to the prompt. */
  readonly #prompts = new Set<string>()
  /** Ids of later user messages. A synthetic part shows that the server added the message itself. */
  readonly #laterMessages = new Set<string>()
  /** Ids of the user messages of earlier prompts, which are answered. */
  readonly #earlier = new Set<string>()
  #promptId: string | undefined

  /** @param promptId - id of the turn's user message; `undefined` for the first user message seen */
  constructor(sessionId: string, promptId: string | undefined) {
    this.#sessionId = sessionId
    this.#promptId = promptId
  }

  /** True if the turn's prompt is a message of the session. */
  get hasPrompt(): boolean {
    return this.#prompts.size > 0
  }

  /** Returns whether a session is the turn's own session, not a child. */
  isOwn(sessionId: string | undefined): boolean {
    return sessionId === this.#sessionId
  }

  /** Returns whether a session is the turn's own session or a child (subagent) session. */
  includes(sessionId: string | undefined): boolean {
    return this.isOwn(sessionId) || (sessionId !== undefined && this.#children.has(sessionId))
  }

  /** Adds the child session that an event reports, if its parent session belongs to the turn. */
  adoptChild(event: OpenCodeEvent): void {
    const link = childOf(event)
    if (link && this.includes(link.parentId)) this.#children.add(link.childId)
  }

  /** Sets the user message of a further prompt of the turn. */
  addPrompt(messageId: string): void {
    for (const id of this.#prompts) this.#earlier.add(id)
    this.#prompts.clear()
    this.#promptId = messageId
  }

  /** Returns whether a message answers an earlier prompt of the turn. */
  isEarlierAnswer({ parentId }: WireMessage): boolean {
    return parentId !== undefined && this.#earlier.has(parentId)
  }

  /** Applies a user message of the turn's own session. */
  addUserMessage(id: string): void {
    if (this.#earlier.has(id)) return
    this.#promptId ??= id
    if (id === this.#promptId) this.#prompts.add(id)
    else if (this.hasPrompt) this.#laterMessages.add(id)
  }

  /** Returns whether a message is one of the turn's user messages. */
  isPrompt(id: string): boolean {
    return this.#prompts.has(id)
  }

  /** Adds a user message to the turn after a synthetic part showed that the server added the message. */
  adoptSynthetic(messageId: string): void {
    if (this.#laterMessages.delete(messageId)) this.#prompts.add(messageId)
  }

  /** Sets the prompt to the latest user message of a snapshot, if the prompt's id is unknown. */
  findPrompt(messages: unknown): void {
    this.#promptId ??= latestPrompt(messages, this.#sessionId)
  }

  /** Returns whether a message of the turn's own session answers one of the turn's user messages. */
  isAnswer({ parentId }: WireMessage): boolean {
    return parentId !== undefined && this.#prompts.has(parentId)
  }
}
