import { paths } from '../../app/router.ts'
import { RelativeTime } from '../../parts/relative-time.tsx'
import { titleOf } from './asked.ts'
import type { Card } from './cards.ts'
import { outcomeOf } from './outcome.ts'

/** Most closed requests that are listed. */
const most = 20

/** List of the requests that were closed while the page was open, the latest first. */
export function ClosedList({ cards }: { cards: readonly Card[] }) {
  if (cards.length === 0) return null
  return (
    <section class="approvals-closed" aria-labelledby="approvals-closed-title">
      <h2 class="approvals-closed-title" id="approvals-closed-title">
        Closed lately
      </h2>
      <ul class="approvals-closed-list">
        {cards.slice(0, most).map((card) => (
          <ClosedRow key={card.pending.request.id} card={card} />
        ))}
      </ul>
    </section>
  )
}

function ClosedRow({ card: { pending, closed, sent } }: { card: Card }) {
  const { request, agent_id, turn_id, at } = pending
  const { tone, title, detail } = outcomeOf(closed?.by, sent)
  return (
    <li class="approvals-closed-row">
      <RelativeTime at={closed?.at ?? at} />
      <a href={paths.agent(agent_id)}>{agent_id}</a>
      <a href={paths.turn(turn_id)}>{titleOf(request)}</a>
      <span class="approvals-closed-outcome" data-tone={tone} title={detail}>
        {title}
      </span>
    </li>
  )
}
