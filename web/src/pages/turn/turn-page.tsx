import { useValue } from '../../live/use-value.ts'
import type { VNode } from 'preact'
import type { ApiError } from '../../api/client.ts'
import { useTitle } from '../../app/title.ts'
import { Badge } from '../../parts/badge.tsx'
import { PageHead, Skeleton } from '../../parts/layout.tsx'
import { ErrorNote } from '../../parts/note.tsx'
import { InlineText } from '../../parts/text/inline-text.tsx'
import { isOver as isClosed } from '../approvals/cards.ts'
import { cards } from '../approvals/card-store.ts'
import { AskMore } from './ask-more.tsx'
import { CancelButton } from './cancel-button.tsx'
import { Entries } from './entries.tsx'
import { EndNote } from './end-note.tsx'
import { Prompt } from './prompt.tsx'
import { OpenRequests } from './open-requests.tsx'
import { TurnFacts } from './turn-facts.tsx'
import { TurnLine } from './turn-line.tsx'
import { hasEnded, shownState } from './turn-state.ts'
import { useFollowing } from './use-following.ts'
import { useTurn } from './use-turn.ts'
import './turn.css'

/** Page of one turn: what was asked, the answer as it comes, and a box to ask more in the same session. */
export function TurnPage({ id }: { id: string }): VNode {
  return <TurnView key={id} id={id} />
}

function TurnView({ id }: { id: string }): VNode {
  const { turn, view, error, stream, reload } = useTurn(id)
  const asked = useValue(cards).filter(({ pending }) => pending.turn_id === id)
  const isAsking = !asked.every(isClosed)
  const state = shownState(turn, view, isAsking)
  const isOver = hasEnded(turn, view)
  const following = useFollowing(view, !isOver)
  useTitle(turn ? `${turn.agent}: ${state.word}` : 'Turn')
  if (error && !turn) return <TurnMissing error={error} onRetry={reload} />
  return (
    <div class="turn-page" data-turn-id={id} data-asking={isAsking}>
      <PageHead
        title={turn ? <InlineText text={`Turn of ${turn.agent}`} max={100} /> : 'Turn'}
        beside={
          <span role="status">
            <Badge tone={state.tone}>{state.word}</Badge>
          </span>
        }
        below={turn && <TurnLine turn={turn} stream={stream} />}
        actions={!isOver && turn && <CancelButton id={id} />}
      />
      <div class="turn-columns">
        <div class="turn-main">
          {!turn && <Skeleton lines={4} />}
          {turn && <Prompt turn={turn} isOver={isOver} />}
          <Entries view={view} isOver={isOver} asked={asked} />
          <OpenRequests view={view} asked={asked} />
          <EndNote turn={turn} view={view} isOver={isOver} />
          {following.isBehind && (
            <button type="button" class="turn-latest" onClick={following.jump}>
              Latest ↓
            </button>
          )}
          {turn && <AskMore agent={turn.agent} sessionId={turn.session_id} isOver={isOver} />}
        </div>
        <aside class="turn-side" aria-label="Facts about the turn">
          {turn && <TurnFacts turn={turn} view={view} />}
        </aside>
      </div>
    </div>
  )
}

function TurnMissing({ error, onRetry }: { error: ApiError; onRetry: () => void }): VNode {
  return (
    <>
      <PageHead title="Turn" />
      <ErrorNote error={error} onRetry={onRetry} />
    </>
  )
}
