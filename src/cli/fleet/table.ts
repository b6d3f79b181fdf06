import type { Paint, Style } from '../log-entries.ts'

/** Column of a table. */
export interface Column<Row> {
  title: string
  text: (row: Row) => string
  style?: (row: Row) => Style | undefined
  isNumber?: true
  /**
   * Rank among the columns that a narrow terminal leaves out: the highest rank is left out first. A column without a
   * rank always stays.
   */
  rank?: number
  /** True for the last column, which takes the rest of the line and is shortened. */
  isRest?: true
}

const gap = 2
/** Least width of a column that takes the rest of the line. */
const leastRest = 16

/** Returns rows as lines of aligned columns, with a line of titles, of at most `width` characters each. */
export function formatTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width: number,
  paint: Paint,
): string[] {
  const cells = columns.map((column) => ({ column, texts: rows.map(column.text) }))
  // A column without any text says nothing.
  const used = cells.filter(
    ({ column, texts }) => column.rank === undefined || texts.some((text) => text !== ''),
  )
  const shown = fitting(
    used.map((cell) => ({ ...cell, width: widthOf(cell) })),
    width,
  )
  const titles = line(shown, width, ({ column }) => column.title)
  return [
    paint('bold', titles.join('')).trimEnd(),
    ...rows.map((row, i) =>
      line(shown, width, ({ texts }) => texts[i] ?? '')
        .map((text, c) => painted(text, shown[c]?.column.style?.(row), paint))
        .join('')
        .trimEnd(),
    ),
  ]
}

interface Cell<Row> {
  column: Column<Row>
  texts: readonly string[]
  width: number
}

const widthOf = <Row>({ column, texts }: Omit<Cell<Row>, 'width'>): number => {
  const widest = texts.reduce((most, text) => Math.max(most, text.length), column.title.length)
  return column.isRest ? Math.min(widest, leastRest) : widest
}

/** Returns the columns that fit into a width, after the columns with the highest ranks have been left out. */
function fitting<Row>(cells: readonly Cell<Row>[], width: number): readonly Cell<Row>[] {
  const total = cells.reduce((sum, cell) => sum + cell.width + gap, -gap)
  const ranked = cells.filter(({ column }) => column.rank !== undefined)
  if (total <= width || ranked.length === 0) return cells
  const last = ranked.reduce((a, b) => ((b.column.rank ?? 0) > (a.column.rank ?? 0) ? b : a))
  return fitting(
    cells.filter((cell) => cell !== last),
    width,
  )
}

/** Returns the cells of a line, padded and shortened. */
function line<Row>(
  cells: readonly Cell<Row>[],
  width: number,
  textOf: (cell: Cell<Row>) => string,
): string[] {
  let left = width
  return cells.map((cell, i) => {
    const space = i === 0 ? 0 : gap
    const own = cell.column.isRest
      ? Math.max(0, left - space)
      : Math.min(cell.width, Math.max(0, left - space))
    const text = clip(textOf(cell), own)
    const padded = cell.column.isRest ? text : cell.column.isNumber ? text.padStart(own) : text.padEnd(own)
    left -= space + own
    return ' '.repeat(space) + padded
  })
}

/** Returns a cell with its text painted, but not the spaces around the text. */
function painted(cell: string, style: Style | undefined, paint: Paint): string {
  const text = cell.trim()
  if (style === undefined || text === '') return cell
  const start = cell.indexOf(text)
  return `${cell.slice(0, start)}${paint(style, text)}${cell.slice(start + text.length)}`
}

/** Returns a text of at most `width` characters. */
export const clip = (text: string, width: number): string =>
  text.length <= width ? text : width <= 1 ? text.slice(0, width) : `${text.slice(0, width - 1)}…`
