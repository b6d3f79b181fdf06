import { indentOf } from './indent.ts'

/** Mark at the beginning of an item. */
export interface Marker {
  /** `-`, `+` or `*`, or the character after a number: another one begins another list. */
  kind: string
  /** Number of an ordered item. */
  start: number | undefined
  /** Column of the item's text. */
  column: number
  /** Text after the mark. */
  text: string
}

/** Returns the mark of an item at the beginning of a line. */
export function listMarker(line: string): Marker | undefined {
  const found = /^(\s*)([-+*]|(\d{1,9})[.)])([ \t]*)(?=(.?))/.exec(line)
  if (!found || indentOf(line) >= 4) return undefined
  const [all, , mark = '', number, space = '', next] = found
  if (space === '' && next !== '') return undefined
  const text = line.slice(all.length)
  const width = indentOf(line) + mark.length
  // Five spaces or more are one space, and then code.
  const gap = text === '' ? 1 : indentOf(' '.repeat(width) + space) - width
  return {
    kind: mark.charAt(mark.length - 1),
    start: number === undefined ? undefined : Number(number),
    column: width + (gap > 4 ? 1 : gap),
    text: gap > 4 ? ' '.repeat(gap - 1) + text : text,
  }
}
