import type { ChartLabel } from './chart.ts'

/** Height of a line, and the gap between two labels of an arrow, in the units of the chart. */
export const labelLine = 14
export const labelGap = 5
/** Number of characters after which a line of a label is broken at the next word. */
const most = 24

/** Piece of a line: of the state in which a transition begins, of its cause, or of its condition. */
export interface Piece {
  kind: 'source' | 'cause' | 'guard'
  text: string
}

/** Line of an arrow's labels, with its distance from the top of the labels. */
export interface Line {
  pieces: readonly Piece[]
  top: number
}

/** Returns the lines of an arrow's labels, broken so that they are narrow. Drawing and layout both use them. */
export function linesOf(labels: readonly ChartLabel[]): Line[] {
  const lines: Line[] = []
  let top = 0
  for (const label of labels) {
    for (const pieces of broken(wordsOf(label))) {
      lines.push({ pieces, top })
      top += labelLine
    }
    top += labelGap
  }
  return lines
}

/** Returns the height of an arrow's labels. */
export const heightOf = (lines: readonly Line[]): number => (lines.at(-1)?.top ?? 0) + labelLine

/** Width of a character of a label, 11 px and monospaced. */
const character = 6.7

/** Returns the width of a line. */
export const widthOf = ({ pieces }: Line): number => Math.ceil(lengthOf(pieces) * character)

const wordsOf = ({ source, text, guard }: ChartLabel): Piece[] => [
  ...split('source', source === undefined ? '' : `${source}:`),
  ...split('cause', text),
  ...split('guard', guard === undefined ? '' : `[${guard}]`),
]

const split = (kind: Piece['kind'], text: string): Piece[] =>
  text === '' ? [] : text.split(' ').map((word) => ({ kind, text: word }))

/** Returns words as lines; neighbouring words of a kind in a line are one piece. */
function broken(words: readonly Piece[]): Piece[][] {
  const lines: Piece[][] = []
  words.forEach((word, i) => {
    const line = lines.at(-1)
    const last = line?.at(-1)
    // A condition is kept in one line, if it fits into one.
    const rest =
      last?.kind === word.kind ? word.text.length : lengthOf(words.slice(i).filter(isOf(word.kind)))
    if (!line || lengthOf(line) + 1 + Math.min(rest, most) > most) lines.push([{ ...word }])
    else if (last?.kind === word.kind) last.text += ` ${word.text}`
    else line.push({ ...word })
  })
  return lines
}

const isOf =
  (kind: Piece['kind']) =>
  (piece: Piece): boolean =>
    piece.kind === kind

/** Returns the number of characters of pieces, with the spaces between them. */
const lengthOf = (pieces: readonly Piece[]): number =>
  pieces.reduce((length, { text }) => length + text.length + 1, -1)
