import type { Batch } from './tail.ts'

/** Most pages that are kept; a page has about 128 KB. */
const mostPages = 16

/**
 * Pages of stored replies that were read last. Readers that have fallen behind together, as after a burst of replies
 * or a broken network, read the same pages: the store is asked, and the JSON is parsed, once.
 */
export class PageCache {
  readonly #pages = new Map<string, Batch>()

  /** Returns a page, and remembers it if it is new. `read` returns `isKept: false` for a page that is too large. */
  get(row: number, after: number, read: () => { page: Batch; isKept: boolean }): Batch {
    const key = `${row}:${after}`
    const known = this.#pages.get(key)
    if (known) return known
    const { page, isKept } = read()
    if (isKept) this.#pages.set(key, page)
    if (this.#pages.size > mostPages) this.#pages.delete(this.#pages.keys().next().value ?? '')
    return page
  }

  /** Forgets all pages, because replies were deleted. */
  clear(): void {
    this.#pages.clear()
  }
}
