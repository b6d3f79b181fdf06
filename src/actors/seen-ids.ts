/** Events whose ids are remembered at least; at most twice as many are. */
const remembered = 256

/**
 * The ids of events, so that one seen twice counts once. opencode's sort by age (1.18.33): one that sorts after all others
 * is new, and is not looked for. Of the others 53 bits are remembered, and old ones are forgotten many at a time: a turn
 * is long, and its texts would be kept alive by their ids.
 */
export class SeenIds {
  #latest = ''
  #young: number[] = []
  #old: readonly number[] = []

  /** Remembers an id; answers whether it was seen before. What is no id never was. */
  isRepeated(id: unknown): boolean {
    if (typeof id !== 'string') return false
    const print = fingerprint(id)
    if (id > this.#latest) this.#latest = id
    else if (this.#young.includes(print) || this.#old.includes(print)) return true
    this.#young.push(print)
    if (this.#young.length >= remembered) {
      this.#old = this.#young
      this.#young = []
    }
    return false
  }
}

/** 53 bits of a text (two multiplicative hashes of 32 bits side by side). */
function fingerprint(text: string): number {
  let low = 0xdeadbeef
  let high = 0x41c6ce57
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    low = Math.imul(low ^ code, 0x9e3779b1)
    high = Math.imul(high ^ code, 0x5f356495)
  }
  low = Math.imul(low ^ (low >>> 16), 0x85ebca6b) ^ Math.imul(high ^ (high >>> 13), 0xc2b2ae35)
  high = Math.imul(high ^ (high >>> 16), 0x85ebca6b) ^ Math.imul(low ^ (low >>> 13), 0xc2b2ae35)
  return (high & 0x1fffff) * 2 ** 32 + (low >>> 0)
}
