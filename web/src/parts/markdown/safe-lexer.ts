import { Lexer, type Token } from 'marked'

/** Longest text in which emphasis and links are looked for: the work for them grows with the square of the length. */
const longestInline = 8_192

/** Deepest nesting of quotes and lists, and of emphasis and links. */
const deepest = { blocks: 12, inlines: 12 }

/** Lexer of Markdown whose work is bounded for any text: what is too long or too deep stays text. */
class SafeLexer extends Lexer {
  #blocks = 0
  #inlines = 0

  override blockTokens(source: string, tokens: Token[] = [], isClipped?: boolean): Token[] {
    if (this.#blocks >= deepest.blocks) return withText(tokens, source)
    this.#blocks++
    try {
      return super.blockTokens(source, tokens, isClipped)
    } finally {
      this.#blocks--
    }
  }

  override inlineTokens(source: string, tokens: Token[] = []): Token[] {
    if (source.length > longestInline || this.#inlines >= deepest.inlines) return withText(tokens, source)
    this.#inlines++
    try {
      return super.inlineTokens(source, tokens)
    } finally {
      this.#inlines--
    }
  }
}

function withText(tokens: Token[], text: string): Token[] {
  tokens.push({ type: 'text', raw: text, text, escaped: false })
  return tokens
}

/** Returns the blocks of a Markdown text. Their joined sources equal the text. */
export function lex(source: string): Token[] {
  return new SafeLexer({ gfm: true }).lex(source)
}
