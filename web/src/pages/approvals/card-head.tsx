import { useNow } from '../../live/use-value.ts'
import type { PendingRequest } from '../../api/types.ts'
import { paths } from '../../app/router.ts'
import { RelativeTime } from '../../parts/relative-time.tsx'
import { InlineText } from '../../parts/text/inline-text.tsx'
import { exact } from '../../words/format.ts'
import { titleOf } from './asked.ts'
import { countdownOf } from './countdown.ts'

/** Head of a request: the kind, the agent and the turn that ask, and the time that is left. */
export function CardHead({
  pending,
  titleId,
  isOver,
}: {
  pending: PendingRequest
  titleId: string
  isOver: boolean
}) {
  const { request, agent_id, tenant, turn_id, at } = pending
  return (
    <header class="approvals-head">
      <h2 class="approvals-title" id={titleId}>
        {titleOf(request)}
        {request.type === 'permission' && (
          <code class="approvals-kind">
            <InlineText text={request.permission} />
          </code>
        )}
      </h2>
      {!isOver && <TimeLeft pending={pending} />}
      <p class="approvals-meta">
        <a href={paths.agent(agent_id)}>{agent_id}</a>
        {tenant !== '' && <span>{tenant}</span>}
        <a href={paths.turn(turn_id)}>turn {turn_id.slice(0, 8)}</a>
        {request.child && <span class="approvals-child">by a subagent</span>}
        <span>
          asked <RelativeTime at={at} />
        </span>
      </p>
    </header>
  )
}

/** Time until the request is rejected. */
function TimeLeft({ pending }: { pending: PendingRequest }) {
  const { text, phase } = countdownOf(pending.expires_at - useNow())
  return (
    <span class="approvals-time" data-phase={phase} role="timer" title={exactEnd(pending)}>
      {phase === 'over' ? 'time limit reached' : `${text} left`}
    </span>
  )
}

const exactEnd = ({ expires_at }: PendingRequest): string =>
  `Rejected if no answer has come until ${exact(expires_at)}`
