/** Address after the text of a link. */
export interface LinkTail {
  href: string
  /** Index after the closing bracket. */
  end: number
}

/** Address in brackets: `(address)`, `(<address>)` or `(address "title")`. An address may have pairs of brackets. */
const tail =
  /\(\s{0,9}(?:<([^<>\n]*)>|((?:\\.|[^\s()\\]|\((?:\\.|[^\s()\\])*\))*))(?:\s{1,9}(?:"[^"]{0,300}"|'[^']{0,300}'))?\s{0,9}\)/y

/** Returns the address in brackets at an index. */
export function linkTail(text: string, at: number): LinkTail | undefined {
  const found = matchAt(tail, text, at)
  if (!found) return undefined
  const [all, marked, plain = ''] = found
  return { href: (marked ?? plain).replace(/\\([!-/:-@[-`{-~])/g, '$1'), end: at + all.length }
}

/** Returns what a pattern finds from an index on. */
export function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at
  return pattern.exec(text) ?? undefined
}
