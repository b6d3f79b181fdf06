import type { Output } from '../output.ts'

const enterScreen = '\x1b[?1049h\x1b[?25l'
const leaveScreen = '\x1b[?25h\x1b[?1049l'
const home = '\x1b[H'
const eraseLine = '\x1b[K'
const eraseBelow = '\x1b[J'

/** Status as it is shown at a moment. */
export interface Look {
  lines: string[]
  /** Identity of the content without its ages; a log gets only looks that differ. */
  key: string
}

/** Shows looks at a status one after another: in place on a terminal, below each other elsewhere. */
export class Redraw {
  /** True if looks replace each other on the screen of a terminal. */
  readonly isInPlace: boolean
  readonly #out: Output
  #last: Look | undefined

  /** Creates a display; `mayMove` is false for an output that programs read. */
  constructor(out: Output, mayMove: boolean, env: NodeJS.ProcessEnv = process.env) {
    this.#out = out
    this.isInPlace = mayMove && out.isTTY && env['TERM'] !== 'dumb'
  }

  /** Shows a look. A look without news is shown on a terminal only, because its ages have grown. */
  async show(look: Look): Promise<void> {
    const last = this.#last
    this.#last = look
    if (this.isInPlace) return this.#draw(look.lines, last === undefined)
    if (last?.key === look.key) return
    const isParted = last !== undefined && look.lines.length > 1
    await this.#out.write(`${isParted ? '\n' : ''}${look.lines.join('\n')}\n`)
  }

  /** Gives the terminal back, with the last look below the command. */
  async finish(): Promise<void> {
    if (!this.isInPlace || !this.#last) return
    await this.#out.write(`${leaveScreen}${this.#last.lines.join('\n')}\n`)
  }

  async #draw(lines: readonly string[], isFirst: boolean): Promise<void> {
    // A screen that scrolls would lose its first lines.
    const shown = lines.slice(0, this.#out.height)
    const text = shown.map((line) => `${line}${eraseLine}`).join('\n')
    // Every line is overwritten before the rest is erased, so that the screen does not flicker.
    await this.#out.write(`${isFirst ? enterScreen : ''}${home}${text}${eraseBelow}`)
  }
}
