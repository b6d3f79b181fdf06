/** Place of a list of rows of one height on the screen. */
export interface RowPlace {
  count: number
  /** Height of a row, in px. */
  height: number
  /** Distance from the top of the screen to the first row, in px; negative if the first row is above. */
  top: number
  /** Height of the screen, in px. */
  screen: number
}

/** Rows that are rendered: from `first` up to, and without, `end`. */
export interface RowRange {
  first: number
  end: number
}

/** Number of rows above and below the screen that are rendered, so that fast scrolling shows no gap. */
const margin = 12

/** Number of rows by which the range moves, so that a small scroll renders nothing. */
const step = 4

/** Returns the rows that are on the screen, or near. */
export function rangeOf({ count, height, top, screen }: RowPlace): RowRange {
  const first = Math.floor(-top / height) - margin
  const end = Math.ceil((screen - top) / height) + margin
  return {
    first: within(Math.floor(first / step) * step, count),
    end: within(Math.ceil(end / step) * step, count),
  }
}

const within = (row: number, count: number): number => Math.min(count, Math.max(0, row))
