/** Ids that are remembered at least, of all turns of a server together; at most a block more is. */
const remembered = 10_000
const blockSize = 1_000

/** Stands between the ids of a block: no id has a line break. */
const mark = '\n'

/**
 * The ids of events, so that one seen twice counts once. They sort by age (opencode 1.18.33): one that sorts after all
 * others is new and is not looked for, so that a list will do. Old ones are kept as text, a block of them in one piece:
 * that takes half the memory, and nothing that a garbage collector would have to visit. The oldest block is forgotten.
 */
export class SeenIds {
  #latest = ''
  #young: string[] = []
  readonly #blocks: string[] = []

  /** Remembers an id; answers whether it was seen before. What is no id never was. */
  isRepeated(id: unknown): boolean {
    if (typeof id !== 'string' || id.includes(mark)) return false
    if (id > this.#latest) this.#latest = id
    else if (this.#has(id)) return true
    this.#young.push(id)
    if (this.#young.length >= blockSize) this.#settle()
    return false
  }

  /** Forgets all. */
  clear(): void {
    this.#young = []
    this.#blocks.length = 0
  }

  #has(id: string): boolean {
    return this.#young.includes(id) || this.#blocks.some((block) => block.includes(mark + id + mark))
  }

  #settle(): void {
    this.#blocks.push(mark + this.#young.join(mark) + mark)
    this.#young = []
    if (this.#blocks.length > remembered / blockSize) this.#blocks.shift()
  }
}
