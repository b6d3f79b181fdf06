import type { VNode } from 'preact'
import type { PendingRequest } from '../../api/types.ts'
import { RequestNote } from './request-note.tsx'
import type { TurnView } from './transcript.ts'

/** Shows the open requests that belong to no tool call of the turn, such as those of a subagent. */
export function OpenRequests({
  view,
  open,
}: {
  view: TurnView
  open: readonly PendingRequest[]
}): VNode | null {
  const calls = new Set(view.entries.map((entry) => (entry.kind === 'tool' ? entry.call.callId : undefined)))
  const others = open.filter(({ request }) => !request.tool || !calls.has(request.tool.call_id))
  if (others.length === 0) return null
  return (
    <section class="turn-open" aria-label="Open requests">
      {others.map((pending) => (
        <RequestNote key={pending.request.id} pending={pending} />
      ))}
    </section>
  )
}
