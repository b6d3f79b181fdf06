import { useValue } from '../../live/use-value.ts'
import { useRef } from 'preact/hooks'
import { useTitle } from '../../app/title.ts'
import { totals } from '../../live/store.ts'
import { Empty, PageHead, Skeleton } from '../../parts/layout.tsx'
import { plural } from '../../words/format.ts'
import { cards } from './card-store.ts'
import { isOver, type Card } from './cards.ts'
import { NotifyChoice } from './notify-choice.tsx'
import { RequestCard } from './request-card.tsx'
import { useShortcuts } from './use-shortcuts.ts'
import './approvals.css'

/** Page of the requests of all agents that wait for a person, the oldest first. */
export function ApprovalsPage() {
  useTitle('Approvals')
  const shown = useValue(cards)
  const isKnown = useValue(totals) !== undefined
  return (
    <>
      <PageHead
        title="Approvals"
        below={<span role="status">{isKnown ? countWords(shown) : 'Connecting…'}</span>}
        actions={<NotifyChoice />}
      />
      {shown.length > 0 ? <List cards={shown} /> : isKnown ? <Nothing /> : <Skeleton lines={6} />}
    </>
  )
}

function countWords(shown: readonly Card[]): string {
  const count = shown.filter((card) => !isOver(card)).length
  return count === 0 ? 'No open request' : `${plural(count, 'open request')}, the oldest first`
}

function List({ cards }: { cards: readonly Card[] }) {
  const list = useRef<HTMLOListElement>(null)
  return (
    <ol class="approvals-list" ref={list} onKeyDown={useShortcuts(list)}>
      {cards.map((card) => (
        <li key={card.pending.request.id}>
          <RequestCard card={card} />
        </li>
      ))}
    </ol>
  )
}

const Nothing = () => (
  <Empty title="Nothing waits for an answer">
    Requests of all agents appear here at once. An agent asks if its turn has the policy <code>ask</code>.
  </Empty>
)
