import type { Output } from './output.ts'
import {
  formatRow,
  paintFor,
  printable,
  rowHead,
  textColumn,
  type Paint,
  type Row,
  type Style,
} from './rows.ts'
import { Spinner } from './spinner.ts'
import { Wrap } from './wrap.ts'

/**
 * What the user sees: rows on `log`, the answer on `out`. The two may be one terminal, so a row begins on a line of its
 * own there; what is written to a pipe or a file is never touched for it. Each method writes at once, in the order of
 * the calls; its promise is only for those who can wait while a slow reader catches up.
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
  #streamed: { name: string; wrap: Wrap } | undefined

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
    else this.#spinner.start(label)
  }

  /** A row on the log. */
  row(row: Row): Promise<void> {
    return this.line(formatRow(row, this.elapsedMs, this.paint, this.#log.width))
  }

  /** A line on the log, as it is. */
  line(text = ''): Promise<void> {
    this.#finishLine()
    return this.#log.write(`${text}\n`)
  }

  /** Somebody else's lines on the log. */
  quote(text: string): void {
    for (const line of text.split('\n').filter((line) => line.trim() !== ''))
      void this.line(this.paint('dim', `  │ ${printable(line)}`))
  }

  /** A piece of a row's text on the log; further pieces of a row of that name go on where the last one ended. */
  stream(row: Row, style?: Style): Promise<void> {
    if (this.#streamed?.name !== row.name) {
      this.#finishLine()
      void this.#log.write(rowHead(row, this.elapsedMs, this.paint))
      const width = this.#log.isTTY ? this.#log.width : Infinity
      this.#streamed = { name: row.name, wrap: new Wrap(textColumn, width) }
    }
    this.#open.log = true
    const text = this.#streamed.wrap.push(printable(row.text))
    return this.#log.write(style === undefined ? text : this.paint(style, text))
  }

  /** A piece of the answer, exactly as it is, but for control characters on a terminal. */
  answer(text: string): Promise<void> {
    if (this.#open.out) this.#endLogLine()
    else this.#finishLine()
    this.#open.out = !text.endsWith('\n')
    return this.#out.write(this.#out.isTTY ? printable(text) : text)
  }

  /** A whole line on `out`. */
  record(text: string): Promise<void> {
    return this.#out.write(`${text}\n`)
  }

  /** The end of the answer: its last line is ended. */
  finish(): void {
    this.#spinner.stop()
    this.#endLogLine()
    if (this.#open.out) void this.#out.write('\n')
    this.#open.out = false
  }

  #finishLine(): void {
    this.#spinner.erase()
    this.#endLogLine()
    if (!this.#isShared || !this.#open.out) return
    this.#open.out = false
    void this.#log.write('\n')
  }

  #endLogLine(): void {
    this.#streamed = undefined
    if (this.#open.log) void this.#log.write('\n')
    this.#open.log = false
  }
}
