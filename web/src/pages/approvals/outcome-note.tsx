import { RelativeTime } from '../../parts/relative-time.tsx'
import type { Card } from './cards.ts'
import { outcomeOf } from './outcome.ts'

/** Outcome of a request that is over. */
export function OutcomeNote({ card: { closed, sent } }: { card: Card }) {
  const { tone, title, detail } = outcomeOf(closed?.by, sent)
  return (
    <p class={`approvals-outcome tone-${tone}`} role="status">
      <strong>{title}</strong>
      {closed && <RelativeTime at={closed.at} />}
      {detail !== undefined && <span class="approvals-outcome-detail">{detail}</span>}
    </p>
  )
}
