/** Piece of a long text: some whole lines, or a line that is too long to be shown at once. */
export interface Piece {
  text: string
  /** True if the piece is one giant line. */
  isGiant: boolean
}

/** Bounds of a part that is shown before the reader asks for more. */
export interface Bounds {
  lines: number
  chars: number
}

/** Longest line that is shown whole at once, in characters. */
export const longestLine = 2_000

/** Size of a piece: small enough that the browser lays out only what is near the window. */
const pieceLines = 200
const pieceChars = 16_384

/** Returns a text in pieces; the joined pieces equal the text. */
export function piecesOf(text: string): Piece[] {
  const pieces: Piece[] = []
  let start = 0
  let lines = 0
  const flush = (end: number) => {
    if (end > start) pieces.push({ text: text.slice(start, end), isGiant: false })
    start = end
    lines = 0
  }
  for (let at = 0; at < text.length;) {
    const end = lineEnd(text, at)
    if (end - at > longestLine) {
      flush(at)
      pieces.push({ text: text.slice(at, end), isGiant: true })
      start = end
    } else if (++lines >= pieceLines || end - start >= pieceChars) flush(end)
    at = end
  }
  flush(text.length)
  return pieces
}

/** Returns the index after a line and its line feed. */
function lineEnd(text: string, from: number): number {
  const feed = text.indexOf('\n', from)
  return feed === -1 ? text.length : feed + 1
}

/**
 * Returns the beginning of a text that fits into bounds, in whole lines. A giant line counts as a line of its shown
 * length.
 */
export function beginningOf(text: string, { lines, chars }: Bounds): string {
  let at = 0
  let size = 0
  for (let line = 0; line < lines && size < chars && at < text.length; line++) {
    const end = lineEnd(text, at)
    size += Math.min(end - at, longestLine)
    at = end
  }
  return text.slice(0, at)
}

/** Returns the number of lines of a text. A line feed at the end begins no line. */
export function lineCount(text: string): number {
  let lines = 0
  for (let at = 0; at < text.length; at = lineEnd(text, at)) lines++
  return lines
}

/** Returns a text with line feeds only as ends of lines. */
export const withLineFeeds = (text: string): string => text.replaceAll('\r\n', '\n')

/** Returns a prefix of a text that does not cut a pair of surrogates. */
export function prefixOf(text: string, length: number): string {
  const last = text.charCodeAt(length - 1)
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? length - 1 : length)
}
