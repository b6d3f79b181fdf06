import type { Block } from './parser/block.ts'
import { blocksOf } from './parser/blocks.ts'

/** Block of a document. A block that has not changed is the same object. */
export interface PlacedBlock {
  /** Index of the block's source in the document, which does not change. */
  key: number
  /** Source of the block, with the blank lines after it. */
  source: string
  block: Block
}

/**
 * Markdown text that grows. A block is final as soon as a line of a further block is complete, so that only the last
 * blocks are read again when text is added, and only the last one changes.
 */
export class MarkdownDocument {
  #text = ''
  #final: PlacedBlock[] = []
  /** End of the final blocks. */
  #offset = 0
  /** Blocks after the final ones, as they were read last. */
  #open: PlacedBlock[] = []

  /** Length of the text that is read again when text is added. */
  get openLength(): number {
    return this.#text.length - this.#offset
  }

  /** Returns the blocks of a text. A text that does not begin with the text before is read as a whole. */
  update(text: string): readonly PlacedBlock[] {
    const source = text.replaceAll(/\r\n?/g, '\n')
    if (!source.startsWith(this.#text)) this.#reset()
    this.#text = source
    const known = new Map(this.#open.map((placed) => [placed.key, placed]))
    const blocks = placedBlocks(source.slice(this.#offset), this.#offset).map((placed) => {
      const before = known.get(placed.key)
      return before?.source === placed.source ? before : placed
    })
    const isCertain = blocks.at(-1)?.source.includes('\n') ?? false
    this.#finish(blocks, isCertain ? 1 : 2)
    return [...this.#final, ...this.#open]
  }

  /** Makes blocks final, except for the last ones. */
  #finish(blocks: readonly PlacedBlock[], openCount: number): void {
    const end = Math.max(0, blocks.length - openCount)
    if (end > 0) this.#final = [...this.#final, ...blocks.slice(0, end)]
    this.#open = blocks.slice(end)
    this.#offset = this.#open[0]?.key ?? this.#offset
  }

  #reset(): void {
    this.#final = []
    this.#open = []
    this.#offset = 0
  }
}

/** Returns the blocks of a text with their places. */
function placedBlocks(text: string, offset: number): PlacedBlock[] {
  const lines = text.split('\n')
  const starts = [0]
  for (const line of lines) starts.push((starts.at(-1) ?? 0) + line.length + 1)
  const found = blocksOf(lines)
  return found.map(({ block, line }, i) => {
    const [start = 0, end = text.length] = [starts[line], starts[found[i + 1]?.line ?? Infinity]]
    return { key: offset + start, source: text.slice(start, end), block }
  })
}
