/** Wraps a text that comes in pieces at words, to stay right of `indent` and within `width` columns. */
export class Wrap {
  readonly #indent: number
  readonly #width: number
  #column: number

  /** Creates a wrapper for a text that begins at the column `indent`. */
  constructor(indent: number, width: number) {
    this.#indent = indent
    this.#width = width
    this.#column = indent
  }

  /** Returns the next piece, with the line breaks that it needs. */
  push(text: string): string {
    return text
      .split(/(\n|[^\S\n]+)/)
      .map((part) => this.#place(part))
      .join('')
  }

  #place(part: string): string {
    const isTooLong = this.#column > this.#indent && this.#column + part.length >= this.#width
    if (part === '\n' || (isTooLong && part.trim() === '')) return this.#break()
    const head = isTooLong ? this.#break() : ''
    this.#column += part.length
    return head + part
  }

  #break(): string {
    this.#column = this.#indent
    return `\n${' '.repeat(this.#indent)}`
  }
}
