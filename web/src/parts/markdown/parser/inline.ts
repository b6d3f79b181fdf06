import { DelimiterList } from './delimiters.ts'
import { linkTail } from './link-tail.ts'
import { withoutEntities } from './entities.ts'
import type { Inline, InlineNode } from './inline-node.ts'

/** Longest text in which marks are read; a longer one stays as it is. */
const longest = 16_384

/** Returns the parts of a text: emphasis, code, links and images. HTML stays text. */
export function inlinesOf(text: string): Inline[] {
  return text.length > longest ? [text] : new InlineReader(text).read()
}

const punctuation = /[!-/:-@[-`{-~]/

/** Characters that may begin something else than text. */
const special = /[\\`*_~![\]<\n]|https?:\/\//gi

class InlineReader {
  readonly #text: string
  #at = 0
  readonly #delimiters = new DelimiterList()
  /** Places of the runs of backticks, by their lengths. */
  #ticks: Map<number, number[]> | undefined

  constructor(text: string) {
    this.#text = text
  }

  read(): Inline[] {
    while (this.#at < this.#text.length) {
      special.lastIndex = this.#at
      const next = special.exec(this.#text)?.index ?? this.#text.length
      this.#plain(next)
      if (next < this.#text.length) this.#special(this.#text.charAt(next))
    }
    return this.#delimiters.finish()
  }

  /** Adds the text up to an index. */
  #plain(end: number): void {
    if (end > this.#at) this.#delimiters.add(withoutEntities(this.#text.slice(this.#at, end)))
    this.#at = end
  }

  #special(char: string): void {
    switch (char) {
      case '\\':
        return this.#escape()
      case '`':
        return this.#code()
      case '*':
      case '_':
      case '~':
        return this.#run(char)
      case '!':
        return this.#text[this.#at + 1] === '[' ? this.#open('![') : this.#plain(this.#at + 1)
      case '[':
        return this.#open('[')
      case ']':
        return this.#close()
      case '\n':
        return this.#lineEnd()
      default:
        return this.#address()
    }
  }

  #add(node: InlineNode, length: number): void {
    this.#delimiters.add(node)
    this.#at += length
  }

  #escape(): void {
    const next = this.#text.charAt(this.#at + 1)
    if (next === '\n') return this.#add({ type: 'break' }, 2)
    if (!punctuation.test(next)) return this.#plain(this.#at + 1)
    this.#delimiters.add(next)
    this.#at += 2
  }

  #code(): void {
    const length = runLength(this.#text, this.#at, '`')
    this.#ticks ??= tickRuns(this.#text)
    const start = this.#at + length
    const end = this.#ticks.get(length)?.find((place) => place >= start)
    if (end === undefined) return this.#plain(start)
    const code = this.#text.slice(start, end).replaceAll('\n', ' ')
    const isPadded = code.startsWith(' ') && code.endsWith(' ') && code.trim() !== ''
    this.#add({ type: 'code', text: isPadded ? code.slice(1, -1) : code }, end + length - this.#at)
  }

  #run(char: '*' | '_' | '~'): void {
    const length = runLength(this.#text, this.#at, char)
    const end = this.#at + length
    this.#delimiters.run(char, length, this.#text.charAt(this.#at - 1), this.#text.charAt(end))
    this.#at = end
  }

  #open(mark: '[' | '!['): void {
    this.#delimiters.open(mark, this.#at + mark.length)
    this.#at += mark.length
  }

  #close(): void {
    const opener = this.#delimiters.opener
    const tail = opener && linkTail(this.#text, this.#at + 1)
    if (!opener || !tail) {
      this.#delimiters.dropOpener()
      return this.#plain(this.#at + 1)
    }
    this.#delimiters.link(tail.href, this.#text.slice(opener.start, this.#at))
    this.#at = tail.end
  }

  #lineEnd(): void {
    const isBreak = this.#text.slice(Math.max(0, this.#at - 2), this.#at) === '  '
    if (isBreak) return this.#add({ type: 'break' }, 1)
    this.#plain(this.#at + 1)
  }

  /** Reads an address between angle brackets, or one that begins with http. */
  #address(): void {
    const before = this.#text.charAt(this.#at - 1)
    const marked = matchAt(/<((?:https?:\/\/|mailto:)[^\s<>]*)>/y, this.#text, this.#at)
    if (marked?.[1] !== undefined) return this.#add(linkTo(marked[1]), marked[0].length)
    const bare = /\w/.test(before) ? undefined : matchAt(/https?:\/\/[^\s<>"]+/iy, this.#text, this.#at)?.[0]
    if (bare === undefined) return this.#plain(this.#at + 1)
    const isWithinLink = this.#delimiters.opener !== undefined
    const href = withoutTail(isWithinLink ? (bare.split(']')[0] ?? '') : bare)
    this.#add(linkTo(href), href.length)
  }
}

const linkTo = (href: string): InlineNode => ({ type: 'link', href, text: href, depth: 0, children: [href] })

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at
  return pattern.exec(text) ?? undefined
}

/** Returns an address without the marks that end a sentence, and without a bracket that is not opened in it. */
function withoutTail(address: string): string {
  let depth = 0
  let end = 0
  for (const char of address) {
    if (char === '(') depth++
    if (char === ')' && --depth < 0) break
    if (char === '`' || char === '*') break
    end += char.length
  }
  while (end > 0 && '.,;:!?\'"_~]'.includes(address.charAt(end - 1))) end--
  return address.slice(0, end)
}

function runLength(text: string, at: number, char: string): number {
  let end = at
  while (text[end] === char) end++
  return end - at
}

/** Returns the places of all runs of backticks, by their lengths. */
function tickRuns(text: string): Map<number, number[]> {
  const runs = new Map<number, number[]>()
  for (const { 0: run, index } of text.matchAll(/`+/g)) {
    const places = runs.get(run.length) ?? []
    places.push(index)
    runs.set(run.length, places)
  }
  return runs
}
