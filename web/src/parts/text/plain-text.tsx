import type { VNode } from 'preact'
import { useMemo, useState } from 'preact/hooks'
import { plainStyle, runsOf, type Run } from '../ansi/ansi.ts'
import { textNodes } from './inline-text.tsx'
import { beginningOf, lineCount, longestLine, piecesOf, prefixOf, withLineFeeds } from './pieces.ts'
import '../ansi/ansi.css'
import './text.css'

/** Properties of {@link PlainText}. */
export interface PlainTextProps {
  text: string
  /** Accessible name of the block, which the keyboard can scroll. */
  label: string
  /** True for the output of a terminal: colours are shown, and other control sequences left out. */
  ansi?: boolean
  /** Lines that are shown at once. */
  lines?: number
  /** True to show all of the text at once; what scrolls is then an element of the caller. */
  isWhole?: boolean
}

/** Shows a text of others as it is: lines, without any markup. Long texts and giant lines are cut until asked for. */
export function PlainText({
  text,
  label,
  ansi = false,
  lines = 200,
  isWhole = false,
}: PlainTextProps): VNode {
  const [isOpen, setOpen] = useState(isWhole)
  const whole = useMemo(() => withLineFeeds(text), [text])
  const shown = useMemo(
    () => (isOpen ? whole : beginningOf(whole, { lines, chars: lines * 200 })),
    [whole, isOpen, lines],
  )
  const pieces = useMemo(() => (ansi ? colouredPieces(shown) : plainPieces(shown)), [shown, ansi])
  return (
    <div class={isWhole ? 'plain-text is-whole' : 'plain-text'}>
      <div
        class="plain-text-lines"
        {...(!isWhole && { role: 'region' as const, 'aria-label': label, tabIndex: 0 })}
      >
        {pieces.map((piece, i) =>
          piece.isGiant ? (
            <GiantLine key={i} runs={piece.runs} isWhole={isWhole} />
          ) : (
            <div key={i} class="piece">
              {piece.runs.map(runNode)}
            </div>
          ),
        )}
      </div>
      {shown.length < whole.length && (
        <button type="button" class="show-all" data-cut onClick={() => setOpen(true)}>
          Show all {lineCount(whole).toLocaleString()} lines
        </button>
      )}
    </div>
  )
}

interface ColouredPiece {
  runs: readonly Run[]
  isGiant: boolean
}

const plainPieces = (text: string): ColouredPiece[] =>
  piecesOf(text).map((piece) => ({ runs: [{ text: piece.text, style: plainStyle }], isGiant: piece.isGiant }))

/** A colour goes on from one piece to the next. */
function colouredPieces(text: string): ColouredPiece[] {
  let style = plainStyle
  return piecesOf(text).map(({ text, isGiant }) => {
    const parsed = runsOf(text, style)
    style = parsed.style
    return { runs: parsed.runs, isGiant: isGiant && lengthOf(parsed.runs) > longestLine }
  })
}

const lengthOf = (runs: readonly Run[]): number => runs.reduce((sum, { text }) => sum + text.length, 0)

const runNode = ({ text, style }: Run) =>
  style === plainStyle ? textNodes(text) : <span class={style}>{textNodes(text)}</span>

/** Shows the beginning of a giant line, and all of it when asked for. */
function GiantLine({ runs, isWhole }: { runs: readonly Run[]; isWhole: boolean }): VNode {
  const [isOpen, setOpen] = useState(isWhole)
  const length = lengthOf(runs)
  if (isOpen) return <div class="piece">{runs.map(runNode)}</div>
  return (
    <div class="piece">
      {headOf(runs, longestLine).map(runNode)}
      <button type="button" class="show-line" data-cut onClick={() => setOpen(true)}>
        … show all {length.toLocaleString()} characters of this line
      </button>
    </div>
  )
}

/** Returns the first characters of runs. */
function headOf(runs: readonly Run[], length: number): Run[] {
  const head: Run[] = []
  for (const { text, style } of runs) {
    if (length <= 0) break
    head.push({ text: text.length > length ? prefixOf(text, length) : text, style })
    length -= text.length
  }
  return head
}
