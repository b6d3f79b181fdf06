import { changedBy, classesOf, plain, type Attributes } from './attributes.ts'

/** Stretch of a terminal's text, with the classes of its style. */
export interface Run {
  text: string
  style: string
}

/** Classes of text without any style. */
export const plainStyle = ''

/** Longest control sequence that is left out. A longer one is shown, so that no sequence can hide a text. */
const longestSequence = 2_048

const code = { bell: 7, backspace: 8, feed: 10, return: 13, escape: 27, csi: 0x9b }

/**
 * Returns the runs of a terminal's output: colours as classes, a line that was written over as its last form, and no
 * other control sequence. A sequence that does not end stays in the text.
 *
 * @param text - The output, or a piece of it.
 * @param style - Style at the beginning, as the piece before has ended.
 */
export function runsOf(text: string, style = plainStyle): { runs: Run[]; style: string } {
  const screen = new Screen(style)
  let from = 0
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at)
    if (char > code.escape && char !== code.csi) continue
    const length = screen.skips(text, at)
    if (length === 0) continue
    screen.write(text.slice(from, at))
    screen.control(text, at, length)
    at += length - 1
    from = at + 1
  }
  screen.write(text.slice(from))
  return { runs: joined(screen.runs), style: screen.style }
}

/** Returns runs with neighbours of one style as one run. */
function joined(runs: readonly Run[]): Run[] {
  const all: Run[] = []
  for (const run of runs) {
    const last = all.at(-1)
    if (last?.style === run.style) last.text += run.text
    else all.push(run)
  }
  return all
}

/** Runs that are written, as a terminal would show them. */
class Screen {
  readonly runs: Run[] = []
  style: string
  #attributes: Attributes
  /** Number of runs before the present line. */
  #line = 0
  /** True after a carriage return: the next text writes over the line. */
  #isReturned = false

  constructor(style: string) {
    this.style = style
    this.#attributes = attributesOf(style)
  }

  write(text: string): void {
    if (text === '') return
    if (this.#isReturned) this.runs.length = this.#line
    this.#isReturned = false
    const last = this.runs.at(-1)
    if (last?.style === this.style && this.runs.length > this.#line) last.text += text
    else this.runs.push({ text, style: this.style })
  }

  /** Returns the length of the control sequence at an index; 0 for none. */
  skips(text: string, at: number): number {
    const char = text.charCodeAt(at)
    if (char === code.feed || char === code.return || char === code.backspace || char === code.bell) return 1
    return char === code.escape || char === code.csi ? sequenceLength(text, at) : 0
  }

  control(text: string, at: number, length: number): void {
    const char = text.charCodeAt(at)
    if (char === code.feed) this.#feed()
    else if (char === code.return) this.#isReturned = true
    else if (char === code.backspace) this.#back()
    else if (text[at + length - 1] === 'm' && length > 1) this.#colour(text.slice(at, at + length))
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

  #colour(sequence: string): void {
    const parameters = /\[([\d;:]*)m$/.exec(sequence)?.[1]
    if (parameters === undefined) return
    this.#attributes = changedBy(this.#attributes, parameters)
    this.style = classesOf(this.#attributes)
    known.set(this.style, this.#attributes)
  }
}

/** Attributes of the styles that were made. */
const known = new Map<string, Attributes>()
const attributesOf = (style: string): Attributes => known.get(style) ?? plain

/** Returns the length of an escape sequence; 0 if the sequence does not end. */
function sequenceLength(text: string, at: number): number {
  const isShort = text.charCodeAt(at) === code.csi
  const kind = isShort ? '[' : text[at + 1]
  const start = at + (isShort ? 1 : 2)
  if (kind === undefined) return 0
  if (kind === '[') return Math.max(0, endOfCsi(text, start) - at)
  if (']PX^_'.includes(kind)) return Math.max(0, endOfString(text, start) - at)
  // Sequences of two or three characters, such as the choice of a character set.
  return ' #%()*+'.includes(kind) ? 3 : 2
}

/** Returns the end of a sequence of parameters and one letter; 0 if the sequence does not end. */
function endOfCsi(text: string, start: number): number {
  const most = Math.min(text.length, start + longestSequence)
  for (let at = start; at < most; at++) {
    const char = text.charCodeAt(at)
    if (char >= 0x40 && char <= 0x7e) return at + 1
    if (char < 0x20 || char > 0x3f) break
  }
  return 0
}

/** Returns the end of a text for the terminal itself, such as a title; 0 if the text does not end. */
function endOfString(text: string, start: number): number {
  const most = Math.min(text.length, start + longestSequence)
  for (let at = start; at < most; at++) {
    const char = text.charCodeAt(at)
    if (char === code.bell) return at + 1
    if (char === code.escape) return text[at + 1] === '\\' ? at + 2 : 0
    if (char === code.feed) break
  }
  return 0
}
