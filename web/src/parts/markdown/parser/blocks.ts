import type { Block, Found } from './block.ts'
import { fence, headingMark, isBlockStart, isRule } from './block-start.ts'
import { indentOf, isBlank, withoutIndent } from './indent.ts'
import { listAt } from './list.ts'
import { tableAt } from './table.ts'

/** Deepest nesting of quotes and lists; what is deeper stays text. */
const deepest = 10

/**
 * Returns the blocks of lines, with the numbers of their first lines. The work grows with the length of the lines, also
 * for a text that is made to be slow.
 */
export function blocksOf(lines: readonly string[], depth = 0): { block: Block; line: number }[] {
  const blocks: { block: Block; line: number }[] = []
  let at = 0
  while (at < lines.length) {
    if (isBlank(lines[at])) {
      at++
      continue
    }
    const found = blockAt(lines, at, depth)
    blocks.push({ block: found.block, line: at })
    at = found.end
  }
  return blocks
}

/** Returns the blocks of the lines within a quote or an item. */
const innerBlocks = (lines: readonly string[], depth: number): Block[] =>
  depth >= deepest
    ? [{ type: 'paragraph', text: lines.join('\n') }]
    : blocksOf(lines, depth + 1).map(({ block }) => block)

function blockAt(lines: readonly string[], at: number, depth: number): Found {
  const line = lines[at] ?? ''
  if (indentOf(line) >= 4) return indentedCode(lines, at)
  return (
    fencedCode(lines, at) ??
    headingAt(line, at) ??
    (isRule(line) ? { block: { type: 'rule' }, end: at + 1 } : undefined) ??
    quoteAt(lines, at, depth) ??
    listAt(lines, at, (inner) => innerBlocks(inner, depth)) ??
    tableAt(lines, at) ??
    paragraphAt(lines, at)
  )
}

function fencedCode(lines: readonly string[], at: number): Found | undefined {
  const line = lines[at] ?? ''
  if (!fence.test(line)) return undefined
  const mark = /^ *(`+|~+)/.exec(line)?.[1] ?? ''
  const indent = indentOf(line)
  const closing = new RegExp(`^ {0,3}\\${mark.charAt(0)}{${Math.min(mark.length, 1_000)},}[ \\t]*$`)
  let end = at + 1
  while (end < lines.length && !closing.test(lines[end] ?? '')) end++
  const text = lines.slice(at + 1, end).map((inner) => withoutIndent(inner, indent))
  const language = /\S*/.exec(line.trim().slice(mark.length).trim())?.[0] ?? ''
  return { block: { type: 'code', language, text: text.join('\n') }, end: Math.min(end + 1, lines.length) }
}

function indentedCode(lines: readonly string[], at: number): Found {
  let end = at
  let last = at
  for (; end < lines.length; end++) {
    const line = lines[end] ?? ''
    if (isBlank(line)) continue
    if (indentOf(line) < 4) break
    last = end
  }
  const text = lines.slice(at, last + 1).map((line) => withoutIndent(line, 4))
  return { block: { type: 'code', language: '', text: text.join('\n') }, end: last + 1 }
}

function headingAt(line: string, at: number): Found | undefined {
  const mark = headingMark.exec(line)?.[1]
  if (mark === undefined) return undefined
  const text = line.trim().slice(mark.length).trim()
  let end = text.length
  while (text[end - 1] === '#') end--
  const isClosed = end === 0 || text[end - 1] === ' ' || text[end - 1] === '\t'
  return {
    block: { type: 'heading', depth: mark.length, text: isClosed ? text.slice(0, end).trim() : text },
    end: at + 1,
  }
}

function quoteAt(lines: readonly string[], at: number, depth: number): Found | undefined {
  if (!/^ {0,3}>/.test(lines[at] ?? '')) return undefined
  const inner: string[] = []
  let end = at
  for (; end < lines.length; end++) {
    const line = lines[end] ?? ''
    if (/^ {0,3}>/.test(line)) inner.push(line.replace(/^ *> ?/, ''))
    // A paragraph goes on without its mark.
    else if (isBlank(line) || isBlank(inner.at(-1)) || isBlockStart(line)) break
    else inner.push(line)
  }
  return { block: { type: 'quote', blocks: innerBlocks(inner, depth) }, end }
}

function paragraphAt(lines: readonly string[], at: number): Found {
  let end = at + 1
  for (; end < lines.length; end++) {
    const line = lines[end] ?? ''
    const level = /^ {0,3}(=+|-+)[ \t]*$/.exec(line)?.[1]?.charAt(0)
    if (level !== undefined)
      return {
        block: { type: 'heading', depth: level === '=' ? 1 : 2, text: textOf(lines, at, end) },
        end: end + 1,
      }
    if (isBlank(line) || isBlockStart(line) || tableAt(lines, end)) break
  }
  return { block: { type: 'paragraph', text: textOf(lines, at, end) }, end }
}

/** Returns the text of lines without their indents; the white space at the ends of lines can be a break. */
const textOf = (lines: readonly string[], from: number, to: number): string =>
  lines
    .slice(from, to)
    .map((line) => line.trimStart())
    .join('\n')
    .trimEnd()
