import type { VNode } from 'preact'
import { useMemo, useState } from 'preact/hooks'
import { InlineText, textNodes } from '../text/inline-text.tsx'
import { longestLine, prefixOf } from '../text/pieces.ts'
import { linesOfPatch, linesOfTexts, sizeOf, type DiffLine } from './diff-lines.ts'
import './diff.css'

/** Lines that are shown at first, and added at each further wish: a row of a diff has several elements. */
const shownLines = { some: 300, more: 5_000 }

/** Shows a unified diff. */
export function Diff({ patch, isWhole = false }: { patch: string; isWhole?: boolean }): VNode {
  const lines = useMemo(() => linesOfPatch(patch), [patch])
  return <DiffLines lines={lines} isWhole={isWhole} />
}

/** Properties of {@link TextDiff}. */
export interface TextDiffProps {
  before: string
  after: string
  /** Path of the file, if it is known. */
  path?: string
}

/** Shows what changes from one text to another. */
export function TextDiff({ before, after, path }: TextDiffProps): VNode {
  const lines = useMemo(() => linesOfTexts(before, after), [before, after])
  return <DiffLines lines={lines} path={path} isWhole={false} />
}

function DiffLines({
  lines,
  path,
  isWhole,
}: {
  lines: readonly DiffLine[]
  path?: string | undefined
  isWhole: boolean
}): VNode {
  const [shown, setShown] = useState(isWhole ? shownLines.more : shownLines.some)
  const { added, removed } = useMemo(() => sizeOf(lines), [lines])
  const rest = Math.min(lines.length - shown, shownLines.more)
  return (
    <div class={isWhole ? 'diff is-whole' : 'diff'}>
      <p class="diff-head">
        {path !== undefined && <InlineText text={path} />}
        <span class="diff-added" title={`${added} lines added`}>
          +{added}
        </span>
        <span class="diff-removed" title={`${removed} lines removed`}>
          −{removed}
        </span>
      </p>
      <div
        class="diff-lines"
        {...(!isWhole && { role: 'region' as const, 'aria-label': 'Changes', tabIndex: 0 })}
      >
        {lines.slice(0, shown).map((line, i) => (
          <DiffRow key={i} line={line} isWhole={isWhole} />
        ))}
      </div>
      {rest > 0 && (
        <button type="button" class="show-all" data-cut onClick={() => setShown(shown + rest)}>
          Show {rest.toLocaleString()} more of {lines.length.toLocaleString()} lines
        </button>
      )}
    </div>
  )
}

const signs = { add: '+', remove: '−', same: ' ', hunk: '', meta: '' }

function DiffRow({ line, isWhole }: { line: DiffLine; isWhole: boolean }): VNode {
  const [isOpen, setOpen] = useState(isWhole)
  const isCut = !isOpen && line.text.length > longestLine
  return (
    <div class={`diff-line diff-${line.kind}`}>
      <span class="diff-number" aria-hidden="true">
        {line.before}
      </span>
      <span class="diff-number" aria-hidden="true">
        {line.after}
      </span>
      <span class="diff-sign">{signs[line.kind]}</span>
      <span class="diff-text">
        {textNodes(isCut ? prefixOf(line.text, longestLine) : line.text)}
        {isCut && (
          <button type="button" class="show-line" data-cut onClick={() => setOpen(true)}>
            … show all {line.text.length.toLocaleString()} characters of this line
          </button>
        )}
      </span>
    </div>
  )
}
