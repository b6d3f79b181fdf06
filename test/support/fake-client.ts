import type { Prompt } from '../../src/io/opencode/client.ts'

/** Fake of the part of opencode's API that turns use. */
export class FakeClient {
  /** True to refuse the connection of each prompt, as a server that has just died does. */
  refuses = false
  /** Ids of sessions, in the order of their creation. */
  readonly sessions: string[] = []
  /** Ids of sessions that were prompted, in order. */
  readonly prompts: string[] = []
  /** Contents of the prompts, in order. */
  readonly contents: Prompt[] = []
  /** Models of the prompts, in order. */
  readonly models: unknown[] = []
  readonly aborts: string[] = []
  /** Messages before which a session was reverted. */
  readonly reverts: string[] = []
  /** Directories whose MCP servers can no longer be used. */
  readonly broken = new Set<string>()
  /** Directories that were disposed, in order. */
  readonly disposed: string[] = []
  /** Answers to requests, in order: the id, and what the request got. */
  readonly answers: [id: string, answer: unknown][] = []
  /** Pending requests, as the server lists them. */
  readonly pending: unknown[] = []
  /** Decides the outcome of each answer; by default the server takes it. */
  takeAnswer: () => Promise<void> = () => Promise.resolve()
  readonly #busy = new Set<string>()

  createSession(directory: string | undefined): Promise<{ id: string; directory: string | undefined }> {
    const id = `ses_${this.sessions.length + 1}`
    this.sessions.push(id)
    return Promise.resolve({ id, directory })
  }

  session(id: string): Promise<{ id: string; directory: string }> {
    return Promise.resolve({ id, directory: '/work' })
  }

  prompt(sessionId: string, _directory: unknown, prompt: Prompt): Promise<void> {
    this.prompts.push(sessionId)
    this.contents.push(prompt)
    this.models.push(prompt.model?.modelId)
    if (this.refuses) return Promise.reject(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }))
    this.#busy.add(sessionId)
    return Promise.resolve()
  }

  abort(sessionId: string): Promise<void> {
    this.aborts.push(sessionId)
    this.idle(sessionId)
    return Promise.resolve()
  }

  revert(_sessionId: string, _directory: unknown, messageId: string): Promise<void> {
    this.reverts.push(messageId)
    return Promise.resolve()
  }

  /** Marks a session as idle. */
  idle(sessionId: string): void {
    this.#busy.delete(sessionId)
  }

  status(): Promise<Record<string, { type: 'busy' }>> {
    return Promise.resolve(Object.fromEntries([...this.#busy].map((id) => [id, { type: 'busy' as const }])))
  }

  hasBrokenMcp(directory: string): Promise<boolean> {
    return Promise.resolve(this.broken.has(directory))
  }

  disposeDirectory(directory: string): Promise<void> {
    this.disposed.push(directory)
    this.broken.delete(directory)
    return Promise.resolve()
  }

  messages(): Promise<unknown[]> {
    return Promise.resolve([])
  }

  requests(): Promise<unknown[]> {
    return Promise.resolve([...this.pending])
  }

  replyPermission(id: string, _directory: unknown, body: unknown): Promise<void> {
    this.answers.push([id, body])
    return this.takeAnswer()
  }

  replyQuestion(id: string, _directory: unknown, answers: string[][]): Promise<void> {
    this.answers.push([id, answers])
    return this.takeAnswer()
  }

  rejectQuestion(id: string): Promise<void> {
    this.answers.push([id, 'dismissed'])
    return this.takeAnswer()
  }

  close(): void {
    this.#busy.clear()
  }
}
