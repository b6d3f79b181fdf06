/** Address after the text of a link. */
export interface LinkTail {
  href: string
  /** Index after the closing bracket. */
  end: number
}

/** Longest address, except for an image that is in its address. */
const longest = 4_096

/** Most brackets within an address. A longer search would be repeated for each text that looks like a link. */
const mostBrackets = 32

/** Returns the address in brackets at an index: `(address)`, `(<address>)` or `(address "title")`. */
export function linkTail(text: string, at: number): LinkTail | undefined {
  if (text[at] !== '(') return undefined
  const image = matchAt(/\(\s{0,9}(data:image\/[\w+.-]{1,20};base64,[\w+/=]+)\s{0,9}\)/y, text, at)
  if (image?.[1] !== undefined) return { href: image[1], end: at + image[0].length }
  const part = text.slice(at + 1, at + 1 + longest)
  const marked = /^\s*<([^<>\n]*)>/.exec(part)
  const [href, after] = marked ? [marked[1] ?? '', marked[0].length] : plainAddress(part)
  const end = /^(?:\s+(?:"[^"]*"|'[^']*'|\([^()]*\)))?\s*\)/.exec(part.slice(after))
  if (!end) return undefined
  return { href: href.replace(/\\([!-/:-@[-`{-~])/g, '$1'), end: at + 1 + after + end[0].length }
}

/** Returns an address without white space, with brackets in pairs, and the index after it. */
function plainAddress(part: string): [href: string, end: number] {
  const start = part.length - part.trimStart().length
  let depth = 0
  let at = start
  for (; at < part.length; at++) {
    const char = part.charAt(at)
    if (char === '\\') at++
    else if (/\s/.test(char) || (char === ')' && --depth < 0)) break
    else if (char === '(' && ++depth > mostBrackets) break
  }
  return [part.slice(start, at), Math.min(at, part.length)]
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at
  return pattern.exec(text) ?? undefined
}
