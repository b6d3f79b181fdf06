import { readFile, rename, writeFile } from 'node:fs/promises'

/** Ids of the users' sessions by agent, kept in a file: in place of a column of your users' table. */
export class SessionBook {
  readonly #file: string
  readonly #ids: Map<string, string>
  #writing: Promise<void> = Promise.resolve()

  private constructor(file: string, ids: Map<string, string>) {
    this.#file = file
    this.#ids = ids
  }

  /** Opens the book of a file, which need not exist yet. */
  static async open(file: string): Promise<SessionBook> {
    const text = await readFile(file, 'utf8').catch(() => '{}')
    return new SessionBook(file, new Map(Object.entries(JSON.parse(text) as Record<string, string>)))
  }

  /** Resolves when the file has all sessions. */
  get written(): Promise<void> {
    return this.#writing.catch(() => undefined)
  }

  get(agentId: string): string | undefined {
    return this.#ids.get(agentId)
  }

  /** Keeps the session of an agent. Resolves when the file has it. */
  async set(agentId: string, sessionId: string): Promise<void> {
    if (this.#ids.get(agentId) === sessionId) return
    this.#ids.set(agentId, sessionId)
    this.#writing = this.written.then(() => this.#write())
    await this.#writing
  }

  async #write(): Promise<void> {
    const fresh = `${this.#file}.new`
    await writeFile(fresh, JSON.stringify(Object.fromEntries(this.#ids)), { mode: 0o600 })
    await rename(fresh, this.#file)
  }
}
