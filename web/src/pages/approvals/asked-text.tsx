import { useEffect, useRef } from 'preact/hooks'
import { Diff } from '../../parts/diff/diff.tsx'
import { PlainText } from '../../parts/text/plain-text.tsx'
import { visibleText } from '../../parts/text/visible.ts'
import { plural } from '../../words/format.ts'
import type { AskedPart } from './asked.ts'
import { endClass, useSeen } from './use-seen.ts'

/** Number of lines from which their number is told. */
const manyLines = 12

/** Text of a request, whole, in a box that scrolls if the text is long. Tells when the box has shown the end. */
export function AskedText({ part, onReached }: { part: AskedPart; onReached: () => void }) {
  const box = useRef<HTMLDivElement>(null)
  const end = useRef<HTMLSpanElement>(null)
  const seen = useSeen(box, end)
  const isReached = seen !== 'cut'
  useEffect(() => {
    if (isReached) onReached()
  }, [isReached])
  const { kind, text } = part
  const label = visibleText(part.label)
  const lines = text.split('\n').length
  return (
    <section class="approvals-part" data-kind={kind}>
      <h3 class="approvals-part-label">
        {label}
        {lines > manyLines && <span class="approvals-part-size">{plural(lines, 'line')}</span>}
      </h3>
      <div class="approvals-box" ref={box} tabIndex={0} role="group" aria-label={label} data-seen={seen}>
        {kind === 'diff' ? <Diff patch={text} isWhole /> : <PlainText text={text} label={label} isWhole />}
        <span class={endClass} ref={end} aria-hidden="true" />
      </div>
    </section>
  )
}
