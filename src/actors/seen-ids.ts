/** Events whose ids are remembered; older ones are forgotten first. */
const remembered = 100_000

/** The ids of events, so that one seen twice counts once. */
export class SeenIds {
  readonly #ids = new Set<string>()

  /** Remembers an id; answers whether it was seen before. What is no id never was. */
  isRepeated(id: unknown): boolean {
    if (typeof id !== 'string') return false
    if (this.#ids.has(id)) return true
    this.#ids.add(id)
    const [oldest] = this.#ids.size > remembered ? this.#ids : []
    if (oldest !== undefined) this.#ids.delete(oldest)
    return false
  }
}
