import type { VNode } from 'preact'
import type { Card } from '../approvals/cards.ts'
import { RequestCard } from '../approvals/request-card.tsx'
import type { TurnView } from './transcript.ts'

/** Shows the requests that belong to no tool call of the turn, such as those of a subagent. */
export function OpenRequests({ view, asked }: { view: TurnView; asked: readonly Card[] }): VNode {
  const calls = new Set(view.entries.map((entry) => (entry.kind === 'tool' ? entry.call.callId : undefined)))
  const others = asked.filter(({ pending }) => !calls.has(pending.request.tool?.call_id))
  return (
    <>
      {others.map((card) => (
        <RequestCard key={card.pending.request.id} card={card} />
      ))}
    </>
  )
}
