import type { VNode } from 'preact'
import type { Turn } from '../../api/types.ts'
import { paths } from '../../app/router.ts'
import { RelativeTime } from '../../parts/relative-time.tsx'
import { cost } from '../../words/format.ts'
import { Took } from '../../parts/took.tsx'
import type { TurnView } from './transcript.ts'
import { usageOf } from './turn-state.ts'
import type { FollowedTurn } from './use-turn.ts'

/** Properties of {@link TurnLine}. */
export interface TurnLineProps {
  turn: Turn
  view: TurnView
  stream: FollowedTurn['stream']
}

/** Line below the title of the page: the main facts, which are far below on a narrow screen, and a cut of the stream. */
export function TurnLine({ turn, view, stream }: TurnLineProps): VNode {
  return (
    <div class="turn-line">
      <a href={paths.agent(turn.agent)}>Open the agent</a>
      <span>
        started <RelativeTime at={Date.parse(turn.created_at)} />
      </span>
      <span>
        {turn.ended_at === null ? 'runs for' : 'took'} <Took turn={turn} />
      </span>
      <span>{cost(usageOf(turn, view).cost_usd)}</span>
      {stream === 'waiting' && (
        <span class="turn-cut">The connection is cut. The page joins again by itself.</span>
      )}
    </div>
  )
}
