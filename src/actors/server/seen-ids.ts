/** Minimum number of remembered ids, of all turns of a server together; the maximum is one block more. */
const remembered = 10_000
const blockSize = 1_000

/** Separator of the ids in a block; no id contains a line break. */
const mark = '\n'

/**
 * Memory of event ids that detects repeated events. Older ids are kept as one text per block, which takes
 * half the memory and gives the garbage collector nothing to visit. The oldest block is dropped.
 *
 * @remarks Observed in opencode 1.18.33: ids sort by age. An id that sorts after all others is new and needs
 * no search, so a list suffices.
 */
export class SeenIds {
  #latest = ''
  #young: string[] = []
  readonly #blocks: string[] = []

  /** Stores an id and returns whether the id was seen before; `false` for a value that is not an id. */
  isRepeated(id: unknown): boolean {
    if (typeof id !== 'string' || id.includes(mark)) return false
    if (id > this.#latest) this.#latest = id
    else if (this.#has(id)) return true
    this.#young.push(id)
    if (this.#young.length >= blockSize) this.#settle()
    return false
  }

  /** Removes all ids. */
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
