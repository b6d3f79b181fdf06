/** Random choices that depend on a seed only, so that the same seed repeats a walk. */
export class Dice {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** Returns a number from 0 to less than 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** Returns a whole number from 0 to less than `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end)
  }

  /** Returns true with a probability. */
  isTrue(probability: number): boolean {
    return this.next() < probability
  }

  /** Returns one of the values. */
  of<T>(values: readonly [T, ...T[]]): T {
    return values[this.below(values.length)] ?? values[0]
  }

  /** Returns one of the values, or `undefined` if there is none. */
  any<T>(values: readonly T[]): T | undefined {
    return values[this.below(values.length)]
  }
}
