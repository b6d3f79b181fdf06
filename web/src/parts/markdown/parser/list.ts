import type { Found, ListItem, ReadInner } from './block.ts'
import { isBlockStart, isRule } from './block-start.ts'
import { indentOf, isBlank, withoutIndent } from './indent.ts'
import { listMarker, type Marker } from './list-marker.ts'

/** Returns the list that begins at a line. */
export function listAt(lines: readonly string[], at: number, inner: ReadInner): Found | undefined {
  const first = listMarker(lines[at] ?? '')
  if (!first) return undefined
  const items: ListItem[] = []
  let isLoose = false
  let end = at
  while (end < lines.length) {
    const next = skipBlank(lines, end)
    const marker = listMarker(lines[next] ?? '')
    if (marker?.kind !== first.kind || (items.length > 0 && isRule(lines[next] ?? ''))) break
    if (items.length > 0 && next > end) isLoose = true
    const item = itemAt(lines, next, marker)
    if (item.hasGap) isLoose = true
    items.push(itemOf(item.lines, inner))
    end = item.end
  }
  return { block: { type: 'list', start: first.start, isLoose, items }, end }
}

function skipBlank(lines: readonly string[], at: number): number {
  while (at < lines.length && isBlank(lines[at])) at++
  return at
}

/** Returns the lines of an item without its indent; blank lines at its end belong to no item. */
function itemAt(lines: readonly string[], at: number, { column, text }: Marker) {
  const inner = [text]
  let end = at + 1
  let hasGap = false
  for (let next = end; next < lines.length; next++) {
    const line = lines[next] ?? ''
    if (isBlank(line)) continue
    const gap = next - end
    if (!belongs(line, column, gap > 0)) break
    if (gap > 0) hasGap = true
    for (; end < next; end++) inner.push('')
    inner.push(withoutIndent(line, column))
    end = next + 1
  }
  return { lines: inner, end, hasGap }
}

/**
 * Returns whether a line belongs to an item: it is indented as the item's text, or goes on with its paragraph. Models
 * often indent an inner list by two columns only.
 */
function belongs(line: string, column: number, isAfterBlank: boolean): boolean {
  const indent = indentOf(line)
  if (indent >= column) return true
  const isInnerItem = indent >= 2 && listMarker(line.trimStart()) !== undefined
  return isInnerItem || (!isAfterBlank && !isBlockStart(line) && listMarker(line) === undefined)
}

function itemOf(lines: readonly string[], inner: ReadInner): ListItem {
  const task = /^\[([ xX])\](?=[ \t])/.exec(lines[0] ?? '')
  if (!task) return { isDone: undefined, blocks: inner(lines) }
  const [first = '', ...others] = lines
  return { isDone: task[1] !== ' ', blocks: inner([first.slice(4), ...others]) }
}
