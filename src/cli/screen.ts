import type { Output } from './output.ts'
import {
  formatEntry,
  paintFor,
  printable,
  entryHead,
  textColumn,
  type Paint,
  type LogEntry,
  type Style,
} from './log-entries.ts'
import { Spinner } from './spinner.ts'
import { Wrap } from './wrap.ts'

/**
 * Shows entries on `log` and the answer on `out`.
 * Both may be the same terminal; an entry then begins on a new line. Output to a pipe or a file is never changed
 * for this.
 * Each method writes synchronously, in the order of the calls. Its promise is only for callers that can wait
 * for a slow reader.
 */
export class Screen {
  readonly paint: Paint
  readonly #out: Output
  readonly #log: Output
  readonly #spinner: Spinner
  readonly #startedAt = performance.now()
  readonly #isShared: boolean
  /** Outputs with an unfinished line. */
  readonly #open = { out: false, log: false }
  /** Entry whose text is being streamed. */
  #streamed: { name: string; wrap: Wrap } | undefined

  constructor(out: Output, log: Output) {
    this.#out = out
    this.#log = log
    this.#isShared = out.stream === log.stream || (out.isTTY && log.isTTY)
    this.paint = paintFor(log.stream)
    this.#spinner = new Spinner(log, this.paint)
  }

  /** Time since the screen was created, in ms. */
  get elapsedMs(): number {
    return performance.now() - this.#startedAt
  }

  /** Shows a spinner with the label, on a terminal; `undefined` stops the spinner. */
  wait(label: string | undefined): void {
    if (label === undefined) this.#spinner.stop()
    else this.#spinner.start(label)
  }

  /** Writes an entry to the log. */
  entry(entry: LogEntry): Promise<void> {
    return this.line(formatEntry(entry, this.elapsedMs, this.paint, this.#log.width))
  }

  /** Writes a line to the log, unchanged. */
  line(text = ''): Promise<void> {
    this.#finishLine()
    return this.#log.write(`${text}\n`)
  }

  /** Writes a prompt to the log; the terminal ends the line when a person has typed the answer. */
  prompt(text: string): Promise<void> {
    this.#spinner.stop()
    this.#finishLine()
    return this.#log.write(text)
  }

  /** Writes the lines of another program to the log. */
  quote(text: string): void {
    for (const line of text.split('\n').filter((line) => line.trim() !== ''))
      void this.line(this.paint('dim', `  │ ${printable(line)}`))
  }

  /**
   * Writes a piece of an entry's text to the log. Further pieces of an entry with the same name continue the text.
   */
  stream(entry: LogEntry, style?: Style): Promise<void> {
    if (this.#streamed?.name !== entry.name) {
      this.#finishLine()
      void this.#log.write(entryHead(entry, this.elapsedMs, this.paint))
      const width = this.#log.isTTY ? this.#log.width : Infinity
      this.#streamed = { name: entry.name, wrap: new Wrap(textColumn, width) }
    }
    this.#open.log = true
    const text = this.#streamed.wrap.push(printable(entry.text))
    return this.#log.write(style === undefined ? text : this.paint(style, text))
  }

  /** Writes a piece of the answer unchanged, except for control characters on a terminal. */
  answer(text: string): Promise<void> {
    if (this.#open.out) this.#endLogLine()
    else this.#finishLine()
    this.#open.out = !text.endsWith('\n')
    return this.#out.write(this.#out.isTTY ? printable(text) : text)
  }

  /** Writes a whole line to `out`. */
  record(text: string): Promise<void> {
    return this.#out.write(`${text}\n`)
  }

  /** Stops the spinner and ends the last line of the answer. */
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
