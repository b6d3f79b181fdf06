import { changedStyle } from './style.ts'

/** Stretch of a terminal's text, with the classes of its style. */
export interface Run {
  text: string
  style: string
}

/** Classes of text without any style. */
export const plainStyle = ''

/**
 * Bells, backspaces, ends of lines, and control sequences: those of parameters and a letter, those of a text for the
 * terminal itself, such as a title, and those of two or three characters. A sequence of more than 2,048 characters, or
 * one without an end, is none of them: it stays in the text, so that no sequence can hide a text.
 */
const controls = new RegExp(
  [
    '[\\x07\\x08\\n\\r]',
    '(?:\\x1b\\[|\\x9b)[0-?]{0,2048}[ -/]{0,9}[@-~]',
    '\\x1b[\\]PX^_][^\\x07\\x1b\\n]{0,2048}(?:\\x07|\\x1b\\\\)',
    '\\x1b[ #%()*+].',
    '\\x1b[^ #%()*+[\\]PX^_]',
  ].join('|'),
  'g',
)

/**
 * Returns the runs of a terminal's output: colours as classes, a line that was written over as its last form, and no
 * other control sequence.
 *
 * @param text - The output, or a piece of it.
 * @param style - Style at the beginning, as the piece before has ended.
 */
export function runsOf(text: string, style = plainStyle): { runs: Run[]; style: string } {
  const screen = new Screen(style)
  let from = 0
  for (const { 0: control, index } of text.matchAll(controls)) {
    screen.write(text.slice(from, index))
    screen.control(control)
    from = index + control.length
  }
  screen.write(text.slice(from))
  return { runs: screen.runs, style: screen.style }
}

/** Runs that are written, as a terminal would show them. */
class Screen {
  readonly runs: Run[] = []
  style: string
  /** Number of runs before the present line. */
  #line = 0
  /** True after a carriage return: the next text writes over the line. */
  #isReturned = false

  constructor(style: string) {
    this.style = style
  }

  write(text: string): void {
    if (text === '') return
    if (this.#isReturned) this.runs.length = this.#line
    this.#isReturned = false
    const last = this.runs.at(-1)
    if (last?.style === this.style && this.runs.length > this.#line) last.text += text
    else this.runs.push({ text, style: this.style })
  }

  control(control: string): void {
    if (control === '\n') this.#feed()
    else if (control === '\r') this.#isReturned = true
    else if (control === '\b') this.#back()
    else if (control.endsWith('m')) this.style = changedStyle(this.style, control)
  }

  #feed(): void {
    this.#isReturned = false
    this.write('\n')
    this.#line = this.runs.length
  }

  #back(): void {
    const last = this.runs.at(-1)
    if (last && this.runs.length > this.#line) last.text = last.text.slice(0, -1)
  }
}
