import type { VNode } from 'preact'
import type { Turn } from '../../api/types.ts'
import { paths } from '../../app/router.ts'
import type { FollowedTurn } from './use-turn.ts'

/** Properties of {@link TurnLine}. */
export interface TurnLineProps {
  turn: Turn
  stream: FollowedTurn['stream']
}

/** Line below the title of the page: the agent, and a cut of the stream. */
export function TurnLine({ turn, stream }: TurnLineProps): VNode {
  return (
    <div class="turn-line">
      <a href={paths.agent(turn.agent)}>Open the agent</a>
      {stream === 'waiting' && (
        <span class="turn-cut">The connection is cut. The page joins again by itself.</span>
      )}
    </div>
  )
}
