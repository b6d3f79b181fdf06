/** Minimum number of stored ids, of all turns of a server together; the maximum is one block more. */
const remembered = 10_000
const blockSize = 1_000

/** Separator of the ids in a block; no id contains a line break. */
const separator = '\n'

/**
 * Memory of event ids that detects repeated events. Older ids are kept as one text per block, which takes
 * half the memory and gives the garbage collector nothing to visit. The oldest block is dropped.
 *
 * @remarks Observed in opencode: ids sort by age. An id that sorts after all others is new and needs
 * no search, so a list suffices.
 */
export class SeenIds {
  #latest = ''
  #recent: string[] = []
  readonly #blocks: string[] = []

  /** Stores an id and returns whether the id was seen before; `false` for a value that is not an id. */
  isRepeated(id: unknown): boolean {
    if (typeof id !== 'string' || id.includes(separator)) return false
    if (id > this.#latest) this.#latest = id
    else if (this.#has(id)) return true
    this.#recent.push(id)
    if (this.#recent.length >= blockSize) this.#closeBlock()
    return false
  }

  /** Removes all ids. */
  clear(): void {
    this.#recent = []
    this.#blocks.length = 0
  }

  #has(id: string): boolean {
    return (
      this.#recent.includes(id) || this.#blocks.some((block) => block.includes(separator + id + separator))
    )
  }

  #closeBlock(): void {
    this.#blocks.push(separator + this.#recent.join(separator) + separator)
    this.#recent = []
    if (this.#blocks.length > remembered / blockSize) this.#blocks.shift()
  }
}
