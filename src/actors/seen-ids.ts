/** Events whose ids are remembered at least; at most twice as many are. */
const remembered = 10_000

/**
 * The ids of events, so that one seen twice counts once. Old ones are forgotten many at a time: a set that loses its
 * oldest entry with each new one is slow, since its holes are walked over.
 */
export class SeenIds {
  #young = new Set<string>()
  #old: ReadonlySet<string> = new Set()

  /** Remembers an id; answers whether it was seen before. What is no id never was. */
  isRepeated(id: unknown): boolean {
    if (typeof id !== 'string') return false
    if (this.#old.has(id)) return true
    const before = this.#young.size
    if (this.#young.add(id).size === before) return true
    if (this.#young.size < remembered) return false
    this.#old = this.#young
    this.#young = new Set()
    return false
  }
}
