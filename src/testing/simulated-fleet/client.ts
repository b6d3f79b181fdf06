import { elapse, type SystemClock } from '../../actors/clock.ts'
import type { Prompt } from '../../io/opencode/client.ts'
import type { OpenCodeEvent } from '../../replies.ts'
import { answerEvents, begunEvents, idleEvents, permissionRequest, type PromptIds } from './events.ts'
import type { SimulatedReply } from './script.ts'

/** Part of a server that its client needs. */
export interface ClientTerms {
  clock: SystemClock
  /** Sessions of the agent, which outlive its servers. */
  sessions: Map<string, { id: string; title: string; at: number }>
  replyTo: (sessionId: string, text: string) => SimulatedReply
  emit: (event: OpenCodeEvent) => void
  requestMs: () => number
}

/** Prompt without an answer. */
export interface OpenPrompt extends PromptIds {
  reply: SimulatedReply
  timer: unknown
}

/** Simulation of the part of opencode's API that turns and sessions use. */
export class SimulatedClient {
  /** Prompts without an answer, by session. */
  readonly prompts = new Map<string, OpenPrompt>()
  readonly #terms: ClientTerms
  readonly #requests = new Map<string, ReturnType<typeof permissionRequest>>()
  readonly sessions

  constructor(terms: ClientTerms) {
    this.#terms = terms
    this.sessions = { list: () => this.#later(() => this.#sessionInfos()) }
  }

  createSession(directory: string | undefined, title: string) {
    const { sessions, clock } = this.#terms
    const id = `ses_${sessions.size + 1}`
    sessions.set(id, { id, title, at: clock.now() })
    return this.#later(() => ({ id, directory }))
  }

  session(id: string, directory: string | undefined) {
    return this.#later(() => ({ id, directory }))
  }

  prompt(sessionId: string, _directory: unknown, { messageId, parts }: Prompt): Promise<void> {
    const text = parts.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n')
    const reply = this.#terms.replyTo(sessionId, text)
    this.prompts.set(sessionId, { sessionId, messageId, reply, timer: undefined })
    this.#emitAll(begunEvents({ sessionId, messageId }))
    if (reply.permission === undefined) this.#answerLater(sessionId)
    else this.#ask(sessionId, reply.permission)
    return Promise.resolve()
  }

  /** Answers the open prompt of a session. */
  answer(sessionId: string, text?: string): void {
    const prompt = this.prompts.get(sessionId)
    if (!prompt) return
    this.#drop(prompt)
    this.#emitAll(answerEvents(prompt, text ?? prompt.reply.text ?? 'ok'))
  }

  abort(sessionId: string): Promise<void> {
    const prompt = this.prompts.get(sessionId)
    if (prompt) this.#drop(prompt)
    this.#emitAll(idleEvents(sessionId))
    return Promise.resolve()
  }

  deleteSession(sessionId: string): Promise<void> {
    this.#terms.sessions.delete(sessionId)
    return Promise.resolve()
  }

  status() {
    return Promise.resolve(
      Object.fromEntries([...this.prompts.keys()].map((id) => [id, { type: 'busy' as const }])),
    )
  }

  replyPermission(id: string, _directory: unknown, { reply }: { reply: string }): Promise<void> {
    const request = this.#requests.get(id)
    if (!request || !this.#requests.delete(id)) return Promise.resolve()
    const { sessionID } = request
    this.#terms.emit({ type: 'permission.replied', properties: { sessionID, requestID: id, reply } })
    this.#answerLater(sessionID)
    return Promise.resolve()
  }

  requests() {
    return Promise.resolve([...this.#requests.values()])
  }

  messages(): Promise<unknown[]> {
    return Promise.resolve([])
  }

  revert(): Promise<void> {
    return Promise.resolve()
  }

  hasBrokenMcp(): Promise<boolean> {
    return Promise.resolve(false)
  }

  /** Forgets all work, because the process is gone. */
  close(): void {
    for (const prompt of this.prompts.values()) this.#drop(prompt)
    this.#requests.clear()
  }

  #ask(sessionId: string, permission: string): void {
    const request = permissionRequest(`per_${sessionId}_${this.#requests.size + 1}`, sessionId, permission)
    this.#requests.set(request.id, request)
    this.#terms.emit({ type: 'permission.asked', properties: request })
  }

  #answerLater(sessionId: string): void {
    const prompt = this.prompts.get(sessionId)
    const { afterMs = 1_000 } = prompt?.reply ?? {}
    if (!prompt || afterMs === Infinity) return
    prompt.timer = this.#terms.clock.setTimeout(() => this.answer(sessionId), afterMs)
  }

  #drop(prompt: OpenPrompt): void {
    this.#terms.clock.clearTimeout(prompt.timer)
    this.prompts.delete(prompt.sessionId)
    for (const [id, { sessionID }] of this.#requests)
      if (sessionID === prompt.sessionId) this.#requests.delete(id)
  }

  #emitAll(events: readonly OpenCodeEvent[]): void {
    for (const event of events) this.#terms.emit(event)
  }

  async #later<T>(answer: () => T): Promise<T> {
    const ms = this.#terms.requestMs()
    if (ms > 0) await elapse(this.#terms.clock, ms)
    return answer()
  }

  #sessionInfos() {
    return [...this.#terms.sessions.values()]
      .map(({ id, title, at }) => ({ id, title, directory: '/', createdAt: at, updatedAt: at, costUsd: 0 }))
      .reverse()
  }
}
