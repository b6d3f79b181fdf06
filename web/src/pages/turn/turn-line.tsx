import type { VNode } from 'preact'
import { paths } from '../../app/router.ts'
import { Badge } from '../../parts/badge.tsx'
import { InlineText } from '../../parts/text/inline-text.tsx'
import type { FollowedTurn } from './use-turn.ts'
import type { ShownState } from './turn-state.ts'

/** Properties of {@link TurnLine}. */
export interface TurnLineProps {
  agent: string | undefined
  state: ShownState
  stream: FollowedTurn['stream']
}

/** Line below the head of the page: the agent, the state, and a cut of the stream. */
export function TurnLine({ agent, state, stream }: TurnLineProps): VNode {
  return (
    <p class="turn-line">
      {agent !== undefined && (
        <a href={paths.agent(agent)}>
          <InlineText text={agent} max={100} />
        </a>
      )}
      <span role="status">
        <Badge tone={state.tone}>{state.word}</Badge>
      </span>
      {stream === 'waiting' && (
        <span class="turn-cut">The connection is cut. The page joins again by itself.</span>
      )}
    </p>
  )
}
