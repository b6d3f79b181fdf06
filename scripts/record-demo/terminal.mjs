// A terminal as small as the demo needs: lines, colours, carriage return, "erase to the end of the line".

const colours = { 31: 'red', 32: 'green', 33: 'yellow', 34: 'blue', 35: 'magenta', 36: 'cyan' }
const escape = '\u001b'
const sequence = new RegExp(`${escape}\\[([\\d;]*)([A-Za-z])`, 'y')

/** Returns a style after one SGR code. */
function styled(style, code) {
  if (code === 0) return {}
  if (code === 1) return { ...style, weight: 'bold' }
  if (code === 2) return { ...style, weight: 'dim' }
  if (code === 22) return { ...style, weight: undefined }
  if (code === 39) return { ...style, colour: undefined }
  if (code in colours) return { ...style, colour: colours[code] }
  throw new Error(`the demo uses a style that scripts/record-demo does not know: ${code}`)
}

/** Screen of a fixed width that grows downwards; each row is a list of `{ char, style }`. */
export class Terminal {
  rows = [[]]
  #column = 0
  #style = {}
  #columns

  constructor(columns) {
    this.#columns = columns
  }

  /** Writes a whole chunk; a sequence may not be split between two chunks. */
  write(text) {
    for (let i = 0; i < text.length;) {
      sequence.lastIndex = i
      const match = sequence.exec(text)
      if (match) this.#control(match[2], match[1].split(';').map(Number))
      else this.#put(String.fromCodePoint(text.codePointAt(i)))
      i += match ? match[0].length : String.fromCodePoint(text.codePointAt(i)).length
    }
  }

  #control(letter, codes) {
    if (letter === 'm') for (const code of codes) this.#style = styled(this.#style, code)
    else if (letter === 'K' && codes[0] === 0) this.rows.at(-1).length = this.#column
    else throw new Error(`the demo uses a control that scripts/record-demo does not know: ${letter}`)
  }

  #put(char) {
    if (char === '\r') return void (this.#column = 0)
    if (char === '\n') return void this.rows.push([])
    if (char === escape) throw new Error('a control sequence is split, or unknown')
    if (this.#column === this.#columns) {
      this.rows.push([])
      this.#column = 0
    }
    const row = this.rows.at(-1)
    while (row.length < this.#column) row.push({ char: ' ', style: {} })
    row[this.#column++] = { char, style: this.#style }
  }
}
