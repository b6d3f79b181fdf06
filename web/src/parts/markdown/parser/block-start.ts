import { listMarker } from './list-marker.ts'
import { indentOf } from './indent.ts'

/** Beginning of a block of code between fences. */
export const fence = /^ {0,3}(?:`{3,}[^`]*|~{3,}.*)$/

/** Beginning of a heading. */
export const headingMark = /^ {0,3}(#{1,6})(?:[ \t]|$)/

/** Returns whether a line is a rule between texts. */
export const isRule = (line: string): boolean => /^ {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*$/.test(line)

/** Returns whether a line begins a block that a paragraph does not take in. */
export function isBlockStart(line: string): boolean {
  if (indentOf(line) >= 4) return false
  if (/^ {0,3}>/.test(line) || fence.test(line) || headingMark.test(line) || isRule(line)) return true
  const marker = listMarker(line)
  return marker !== undefined && marker.text !== '' && (marker.start === undefined || marker.start === 1)
}
