import { useRef } from 'preact/hooks'
import { useTitle } from '../../app/title.ts'
import { connection, totals } from '../../live/store.ts'
import { plural } from '../../words/format.ts'
import { Empty, PageHead, Skeleton } from '../../parts/layout.tsx'
import { isOver } from './cards.ts'
import { cards } from './card-store.ts'
import { ClosedList } from './closed-list.tsx'
import { NotifyChoice } from './notify-choice.tsx'
import { RequestCard } from './request-card.tsx'
import { useShortcuts } from './use-shortcuts.ts'
import './approvals.css'

/** Page of the requests of all agents that wait for a person, the oldest first. */
export function ApprovalsPage() {
  useTitle('Approvals')
  const list = useRef<HTMLOListElement>(null)
  const shortcuts = useShortcuts(list)
  const { inPlace, left } = cards.value
  const count = inPlace.filter((card) => !isOver(card)).length
  return (
    <div class="approvals stack">
      <PageHead title="Approvals" actions={<NotifyChoice />} />
      <p class="approvals-count" role="status">
        {isKnown() ? countWords(count) : 'Connecting…'}
      </p>
      {inPlace.length > 0 ? (
        <ol class="approvals-list" ref={list} {...shortcuts}>
          {inPlace.map((card) => (
            <li key={card.pending.request.id}>
              <RequestCard card={card} />
            </li>
          ))}
        </ol>
      ) : isKnown() ? (
        <Empty title="Nothing waits for an answer">
          Requests of all agents appear here at once, the oldest first. An agent asks when its turn has the
          policy <code>ask</code>.
        </Empty>
      ) : (
        <Skeleton lines={6} />
      )}
      {inPlace.length > 0 && <Keys />}
      <ClosedList cards={left} />
    </div>
  )
}

const isKnown = (): boolean => totals.value !== undefined || connection.value.state === 'live'

const countWords = (count: number): string =>
  count === 0 ? 'No open request' : `${plural(count, 'open request')}, the oldest first`

/** Keys that work while a request has the focus. */
const Keys = () => (
  <p class="approvals-keys">
    With the focus in a request: <kbd>j</kbd> and <kbd>k</kbd> go to the next and the former one; <kbd>o</kbd>
    , <kbd>l</kbd> and <kbd>r</kbd> choose Allow once, Always allow and Reject; then <kbd>Enter</kbd> answers,
    and <kbd>Esc</kbd> goes back.
  </p>
)
