/** Returns whether a line is empty, or missing. */
export const isBlank = (line: string | undefined): boolean => line === undefined || line.trim() === ''

/** Returns the width of a line's white space at its beginning; a tab goes to the next column of four. */
export function indentOf(line: string): number {
  let width = 0
  for (const char of line) {
    if (char === ' ') width++
    else if (char === '\t') width += 4 - (width % 4)
    else break
  }
  return width
}

/** Returns a line without some columns of white space. */
export function withoutIndent(line: string, columns: number): string {
  let width = 0
  let at = 0
  while (width < columns && (line[at] === ' ' || line[at] === '\t'))
    width += line[at++] === '\t' ? 4 - (width % 4) : 1
  return ' '.repeat(Math.max(0, width - columns)) + line.slice(at)
}
