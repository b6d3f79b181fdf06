// Pieces of text on the screen, with their times: `{ row, column, cells, from, to }`, times in ms, `to` undefined for what stays.
import { Terminal } from './terminal.mjs'

const same = (a, b) =>
  a.char === b.char && a.style.colour === b.style.colour && a.style.weight === b.style.weight
const extendsRow = (before, now) =>
  before.length <= now.length && before.every((cell, i) => same(cell, now[i]))

/** Plays chunks `{ at, text }` to a terminal and returns the pieces. A text that grows is kept; one that changes is replaced. */
export function piecesOf(chunks, columns) {
  const terminal = new Terminal(columns)
  const shown = []
  const pieces = []
  for (const { at, text } of chunks) {
    terminal.write(text)
    terminal.rows.forEach((cells, row) => {
      const before = shown[row] ?? []
      if (before.length === cells.length && extendsRow(before, cells)) return
      const isLonger = extendsRow(before, cells)
      if (!isLonger)
        for (const piece of pieces) if (piece.row === row && piece.to === undefined) piece.to = at
      const column = isLonger ? before.length : 0
      if (cells.length > column)
        pieces.push({ row, column, cells: cells.slice(column), from: at, to: undefined })
      shown[row] = [...cells]
    })
  }
  return pieces.filter(({ from, to }) => from !== to)
}
