import type { Output } from './output.ts'
import type { Paint } from './log-entries.ts'

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
const frameMs = 80
const eraseLine = '\r\x1b[K'

/**
 * Returns whether a line may be redrawn: the output is a terminal, is not a log (`CI`), can move its cursor
 * (`TERM=dumb` cannot), and its user did not ask for plain text (`NO_COLOR`).
 */
export function canAnimate({ isTTY }: Output, env: NodeJS.ProcessEnv = process.env): boolean {
  const { TERM, CI = '', NO_COLOR = '' } = env
  const isCI = !['', '0', 'false'].includes(CI.toLowerCase())
  return isTTY && TERM !== 'dumb' && !isCI && NO_COLOR === ''
}

/**
 * Spinner at the end of a terminal; does nothing if the output cannot animate.
 * The spinner of `@clack/prompts` 1.9 is not used: it puts stdin in raw mode, so that Ctrl-C is a
 * `process.exit(0)` instead of a signal, and it consumes a piped stdin.
 */
export class Spinner {
  readonly #output: Output
  readonly #paint: Paint
  readonly #isShown: boolean
  #timer: NodeJS.Timeout | undefined
  #label: string | undefined
  #frame = 0

  constructor(output: Output, paint: Paint) {
    this.#output = output
    this.#paint = paint
    this.#isShown = canAnimate(output)
  }

  /** Shows the spinner with this label, until `stop`. */
  start(label: string): void {
    if (!this.#isShown) return
    this.#label = label
    this.#timer ??= setInterval(() => this.#draw(), frameMs).unref()
    this.#draw()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.erase()
    this.#label = undefined
  }

  /** Erases the spinner to make room for a line; the next frame is drawn below that line. */
  erase(): void {
    if (this.#label !== undefined) void this.#output.write(eraseLine)
  }

  #draw(): void {
    const frame = frames[this.#frame++ % frames.length] ?? ''
    void this.#output.write(
      `${eraseLine}${' '.repeat(9)}${this.#paint('cyan', frame)} ${this.#paint('dim', this.#label ?? '')}`,
    )
  }
}
