import type { Batch } from './tail.ts'

/** Most pages that are kept; a page has about 128 KB. */
const mostPages = 32

/** Replies of a turn that were read together. */
interface Page {
  row: number
  first: number
  last: number
  /** The replies, as long as they are kept. */
  batch: { deref(): Batch | undefined }
}

/**
 * Pages of stored replies that were read last. Readers that have fallen behind, as after a burst of replies or a broken
 * network, come to the same pages, wherever each of them began: a page is read, parsed and encoded once for all of them.
 */
export class PageCache {
  /** Pages by the time of their last use. */
  readonly #pages = new Set<Page>()
  /** Page that is too large to be kept: it is there as long as a reader has it. */
  #large: Page | undefined

  /** Returns the replies from a number to the end of their page; `undefined` if they must be read. */
  find(row: number, first: number): Batch | undefined {
    const page = this.#pageOf(row, first)
    const batch = page?.batch.deref()
    if (!page || !batch) return undefined
    if (this.#pages.delete(page)) this.#pages.add(page)
    return page.first === first ? batch : batch.slice(first - page.first)
  }

  /** Remembers replies that were read. @param isLarge - true for more than the cache is to keep */
  add(row: number, batch: Batch, isLarge: boolean): void {
    const [first, last] = [batch[0]?.seq, batch.at(-1)?.seq]
    if (first === undefined || last === undefined) return
    if (isLarge) {
      this.#large = { row, first, last, batch: new WeakRef(batch) }
      return
    }
    this.#pages.add({ row, first, last, batch: { deref: () => batch } })
    const [oldest] = this.#pages
    if (oldest && this.#pages.size > mostPages) this.#pages.delete(oldest)
  }

  /** Forgets all pages, because replies were deleted. */
  clear(): void {
    this.#pages.clear()
    this.#large = undefined
  }

  #pageOf(row: number, seq: number): Page | undefined {
    const has = (page: Page) => page.row === row && page.first <= seq && seq <= page.last
    if (this.#large && has(this.#large)) return this.#large
    for (const page of this.#pages) if (has(page)) return page
    return undefined
  }
}
