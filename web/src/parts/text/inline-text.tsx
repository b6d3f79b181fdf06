import type { VNode } from 'preact'
import { prefixOf } from './pieces.ts'
import { segmentsOf, type Segment } from './visible.ts'
import './text.css'

/** Shows a short text of others, such as a path or a command, with its invisible characters. */
export function InlineText({ text, max = 300 }: { text: string; max?: number }): VNode {
  const isLong = text.length > max
  return (
    <span class="inline-text" dir="auto">
      {nodesOf(segmentsOf(isLong ? prefixOf(text, max) : text))}
      {isLong && <span class="cut">… {(text.length - max).toLocaleString()} more characters</span>}
    </span>
  )
}

/** Returns the nodes of a text's parts. */
export const nodesOf = (segments: readonly Segment[]): (string | VNode)[] =>
  segments.map((part) =>
    'text' in part ? (
      part.text
    ) : (
      <span class="mark" title={part.title}>
        {part.mark}
      </span>
    ),
  )

/** Returns the nodes of a text, with its invisible characters. */
export const textNodes = (text: string): (string | VNode)[] => nodesOf(segmentsOf(text))
