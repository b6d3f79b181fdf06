import type { VNode } from 'preact'
import { InlineText } from '../../parts/text/inline-text.tsx'

/** Properties of {@link RetryNote}. */
export interface RetryNoteProps {
  attempt: number
  message: string
}

/** Shows that an attempt failed and is repeated. */
export function RetryNote({ attempt, message }: RetryNoteProps): VNode {
  return (
    <p class="turn-retry">
      <strong>Retry {attempt}</strong>
      <InlineText text={message} max={500} />
    </p>
  )
}
