/** Events whose ids are remembered at least; at most twice as many are. */
const remembered = 10_000

/**
 * The ids of events, so that one seen twice counts once. They sort by age (opencode 1.18.33): one that sorts after all
 * others is new and is not looked for, so that a list will do. Old ones are forgotten many at a time.
 */
export class SeenIds {
  #latest = ''
  #young: string[] = []
  #old: readonly string[] = []

  /** Remembers an id; answers whether it was seen before. What is no id never was. */
  isRepeated(id: unknown): boolean {
    if (typeof id !== 'string') return false
    if (id > this.#latest) this.#latest = id
    else if (this.#young.includes(id) || this.#old.includes(id)) return true
    this.#young.push(id)
    if (this.#young.length >= remembered) {
      this.#old = this.#young
      this.#young = []
    }
    return false
  }
}
