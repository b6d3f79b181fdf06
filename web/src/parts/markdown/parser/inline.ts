import { withoutEntities } from './entities.ts'
import type { Inline, InlineNode } from './inline-node.ts'
import { linkTail, matchAt } from './link-tail.ts'
import { OpenMarks } from './open-marks.ts'

/** Longest text in which marks are read; a longer one stays as it is. */
const longest = 16_384

/** Returns the parts of a text: emphasis, code, links and images. HTML stays text. */
export function inlinesOf(text: string): Inline[] {
  if (text.length > longest) return [text]
  const marks = new OpenMarks()
  for (let at = 0; at < text.length;) {
    special.lastIndex = at
    const next = special.exec(text)?.index ?? text.length
    marks.add(withoutEntities(text.slice(at, next)))
    at = next < text.length ? readMark(text, next, marks) : next
  }
  return marks.finish()
}

/** Characters that may begin something else than text. */
const special = /[\\`*_~[\]<\n]|!\[|https?:\/\//gi

/** Reads the mark at an index. Returns the index after the mark. */
function readMark(text: string, at: number, marks: OpenMarks): number {
  const char = text.charAt(at)
  if (char === '[' || char === '!') {
    const mark = char === '[' ? '[' : '!['
    marks.open(mark, at + mark.length)
    return at + mark.length
  }
  if (char === ']') return closeLink(text, at, marks)
  if ('*_~'.includes(char)) return readRun(text, at, marks)
  const [node, end] = nodeAt(text, at, char, marks) ?? [char, at + 1]
  marks.add(node)
  return end
}

type Read = readonly [node: Inline, end: number] | undefined

/** Returns what stands at an index, and the index after it; `undefined` for a character that marks nothing. */
function nodeAt(text: string, at: number, char: string, marks: OpenMarks): Read {
  if (char === '\\') return escaped(text, at + 1)
  if (char === '`') return codeAt(text, at)
  if (char !== '\n') return addressAt(text, at, marks.isInLink)
  return text.endsWith('  ', at) ? [{ type: 'break' }, at + 1] : undefined
}

function escaped(text: string, at: number): Read {
  const char = text.charAt(at)
  if (char === '\n') return [{ type: 'break' }, at + 1]
  return /[!-/:-@[-`{-~]/.test(char) ? [char, at + 1] : undefined
}

function codeAt(text: string, at: number): Read {
  const ticks = matchAt(/`+/y, text, at)?.[0] ?? ''
  const start = at + ticks.length
  const end = matchAt(new RegExp(`(?<!\`)${ticks}(?!\`)`, 'g'), text, start)?.index
  if (end === undefined) return [ticks, start]
  const code = text.slice(start, end).replaceAll('\n', ' ')
  const isPadded = code.startsWith(' ') && code.endsWith(' ') && code.trim() !== ''
  return [{ type: 'code', text: isPadded ? code.slice(1, -1) : code }, end + ticks.length]
}

/** Reads an address between angle brackets, or one that begins with http, without the marks that end a sentence. */
function addressAt(text: string, at: number, isInLink: boolean): Read {
  const marked = matchAt(/<((?:https?:\/\/|mailto:)[^\s<>]*)>/y, text, at)
  if (marked?.[1] !== undefined) return [linkTo(marked[1]), at + marked[0].length]
  if (/\w/.test(text.charAt(at - 1))) return undefined
  const found = matchAt(/https?:\/\/(?:[^\s<>"`*()]|\([^\s<>"`*()]*\))+(?<![.,;:!?'_~\]])/iy, text, at)?.[0]
  const address = isInLink ? found?.split(']')[0] : found
  return address === undefined ? undefined : [linkTo(address), at + address.length]
}

const linkTo = (href: string): InlineNode => ({ type: 'link', href, text: href, children: [href] })

function closeLink(text: string, at: number, marks: OpenMarks): number {
  const tail = marks.isInLink ? linkTail(text, at + 1) : undefined
  if (tail) marks.link(tail.href, (start) => text.slice(start, at))
  else marks.dropLink()
  if (!tail) marks.add(']')
  return tail?.end ?? at + 1
}

/** Reads a run of marks of emphasis. An underscore within a word is a part of a name. */
function readRun(text: string, at: number, marks: OpenMarks): number {
  const run = matchAt(/\*+|_+|~+/y, text, at)?.[0] ?? ''
  const end = at + run.length
  const [before, after] = [text.charAt(at - 1), text.charAt(end)]
  const isWithinWord = run.startsWith('_') && /\w/.test(before) && /\w/.test(after)
  marks.run(run, { opens: /\S/.test(after) && !isWithinWord, closes: /\S/.test(before) && !isWithinWord })
  return end
}
