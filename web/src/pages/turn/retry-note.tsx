import { useNow } from '../../live/use-value.ts'
import type { VNode } from 'preact'
import { InlineText } from '../../parts/text/inline-text.tsx'
import { duration } from '../../words/format.ts'

/** Properties of {@link RetryNote}. */
export interface RetryNoteProps {
  attempt: number
  message: string
  /** Epoch ms. */
  nextAt: number
  /** True if nothing has come since. */
  isLast: boolean
}

/** Shows that an attempt failed and is repeated, and the time until then. */
export function RetryNote({ attempt, message, nextAt, isLast }: RetryNoteProps): VNode {
  return (
    <p class="turn-retry">
      <strong>Retry {attempt}</strong>
      {isLast && <Countdown to={nextAt} />}
      <InlineText text={message} max={500} />
    </p>
  )
}

function Countdown({ to }: { to: number }): VNode | null {
  const left = to - useNow()
  return left > 0 ? <span>in {duration(Math.ceil(left / 1000) * 1000)}</span> : null
}
