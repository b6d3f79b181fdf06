import type { Alignment, Found } from './block.ts'
import { isBlockStart } from './block-start.ts'
import { isBlank } from './indent.ts'

/** Most columns of a table. */
const mostColumns = 100

/** Returns the table that begins at a line: a row, and a row of dashes with as many cells. */
export function tableAt(lines: readonly string[], at: number): Found | undefined {
  const [head, dashes] = [lines[at] ?? '', lines[at + 1] ?? '']
  if (!head.includes('|') || !dashes.includes('-') || !/^[ \t|:-]+$/.test(dashes)) return undefined
  const marks = cellsOf(dashes)
  const header = cellsOf(head)
  if (marks.length !== header.length || marks.length > mostColumns) return undefined
  if (!marks.every((mark) => /^:?-+:?$/.test(mark))) return undefined
  const rows: string[][] = []
  let end = at + 2
  for (; end < lines.length; end++) {
    const line = lines[end] ?? ''
    if (isBlank(line) || isBlockStart(line)) break
    const cells = cellsOf(line)
    rows.push(header.map((_, i) => cells[i] ?? ''))
  }
  return { block: { type: 'table', alignments: marks.map(alignmentOf), header, rows }, end }
}

/** Returns the cells of a row. A mark that is escaped divides no cells. */
function cellsOf(row: string): string[] {
  const cells: string[] = []
  let cell = ''
  for (let at = 0; at < row.length; at++) {
    if (row[at] === '\\' && row[at + 1] === '|') {
      cell += '|'
      at++
    } else if (row[at] === '|') {
      cells.push(cell.trim())
      cell = ''
    } else cell += row.charAt(at)
  }
  cells.push(cell.trim())
  if (cells[0] === '') cells.shift()
  if (cells.at(-1) === '') cells.pop()
  return cells
}

function alignmentOf(mark: string): Alignment {
  if (mark.endsWith(':')) return mark.startsWith(':') ? 'center' : 'right'
  return mark.startsWith(':') ? 'left' : undefined
}
