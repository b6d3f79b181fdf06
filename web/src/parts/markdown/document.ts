import type { Token } from 'marked'
import { lex } from './safe-lexer.ts'

/** Block of a document. A block that has not changed is the same object. */
export interface Block {
  /** Index of the block's source in the document, which does not change. */
  key: number
  token: Token
}

/**
 * Markdown text that grows. A block is final as soon as a further block has begun, so that only the last block is read
 * again when text is added.
 */
export class MarkdownDocument {
  #text = ''
  #final: Block[] = []
  /** End of the final blocks. */
  #offset = 0

  /** Length of the text that is read again when text is added. */
  get openLength(): number {
    return this.#text.length - this.#offset
  }

  /** Returns the blocks of a text. A text that does not begin with the text before is read as a whole. */
  update(text: string): readonly Block[] {
    const source = text.replaceAll(/\r\n?/g, '\n')
    if (!source.startsWith(this.#text)) this.#reset()
    this.#text = source
    const rest = source.slice(this.#offset)
    const blocks = blocksOf(lex(rest), this.#offset)
    const last = blocks.at(-1)
    if (last && rest.indexOf('\n', last.key - this.#offset) !== -1) {
      this.#final = [...this.#final, ...blocks.slice(0, -1)]
      this.#offset = last.key
      return [...this.#final, last]
    }
    return [...this.#final, ...blocks]
  }

  #reset(): void {
    this.#final = []
    this.#offset = 0
  }
}

/** Returns tokens with their places, without blank lines. */
function blocksOf(tokens: readonly Token[], offset: number): Block[] {
  const blocks: Block[] = []
  let key = offset
  for (const token of tokens) {
    if (token.type !== 'space' && token.type !== 'def') blocks.push({ key, token })
    key += token.raw.length
  }
  return blocks
}
