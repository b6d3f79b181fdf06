import type { Output } from './output.ts'
import { formatRow, paintFor, printable, rowHead, textColumn, type Paint, type Row, type Style } from './rows.ts'
import { Spinner } from './spinner.ts'

/**
 * What the user sees: rows on `log`, the answer on `out`. The two may be one terminal, so a row begins on a line of its
 * own there; what is written to a pipe or a file is never touched for it.
 */
export class Screen {
  readonly paint: Paint
  readonly #out: Output
  readonly #log: Output
  readonly #spinner: Spinner
  readonly #startedAt = performance.now()
  readonly #isShared: boolean
  /** Which of the two has an unfinished line. */
  readonly #open = { out: false, log: false }
  /** The row whose text is being streamed. */
  #streamed: string | undefined

  constructor(out: Output, log: Output) {
    this.#out = out
    this.#log = log
    this.#isShared = out.stream === log.stream || (out.isTTY && log.isTTY)
    this.paint = paintFor(log.stream)
    this.#spinner = new Spinner(log, this.paint)
  }

  /** Since the screen was made. */
  get elapsedMs(): number {
    return performance.now() - this.#startedAt
  }

  /** Waits visibly, on a terminal; `undefined` ends that. */
  wait(label: string | undefined): void {
    if (label === undefined) this.#spinner.stop()
    else if (!this.#open.log) this.#spinner.start(label)
  }

  /** A row on the log. */
  async row(row: Row): Promise<void> {
    await this.line(formatRow(row, this.elapsedMs, this.paint, this.#log.width))
  }

  /** A line on the log, as it is. */
  async line(text = ''): Promise<void> {
    await this.#finishLine()
    await this.#log.write(`${text}\n`)
  }

  /** A piece of a row's text on the log; further pieces of a row of that name go on where the last one ended. */
  async stream(row: Row, style?: Style): Promise<void> {
    if (this.#streamed !== row.name) {
      await this.#finishLine()
      await this.#log.write(rowHead(row, this.elapsedMs, this.paint))
    }
    this.#streamed = row.name
    this.#open.log = true
    const text = printable(row.text).replaceAll('\n', `\n${' '.repeat(textColumn)}`)
    await this.#log.write(style === undefined ? text : this.paint(style, text))
  }

  /** A piece of the answer, exactly as it is, but for control characters on a terminal. */
  async answer(text: string): Promise<void> {
    if (!this.#open.out) await this.#finishLine()
    else if (this.#open.log) await this.#endLogLine()
    this.#open.out = !text.endsWith('\n')
    await this.#out.write(this.#out.isTTY ? printable(text) : text)
  }

  /** A whole line on `out`. */
  async record(text: string): Promise<void> {
    await this.#out.write(`${text}\n`)
  }

  /** The end of the answer: it ends with a line break. */
  async finish(): Promise<void> {
    this.#spinner.stop()
    if (this.#open.log) await this.#endLogLine()
    if (this.#open.out) await this.#out.write('\n')
    this.#open.out = false
  }

  async #finishLine(): Promise<void> {
    this.#spinner.erase()
    if (this.#open.log) await this.#endLogLine()
    if (!this.#isShared || !this.#open.out) return
    this.#open.out = false
    await this.#log.write('\n')
  }

  async #endLogLine(): Promise<void> {
    this.#open.log = false
    this.#streamed = undefined
    await this.#log.write('\n')
  }
}
