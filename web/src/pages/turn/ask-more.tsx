import type { VNode } from 'preact'
import { api } from '../../api/client.ts'
import { useQuery } from '../../app/query.ts'
import { navigate, paths } from '../../app/router.ts'
import { AskBox } from '../../parts/ask-box/ask-box.tsx'

/** Properties of {@link AskMore}. */
export interface AskMoreProps {
  agent: string
  sessionId: string | null
  isOver: boolean
}

/** Box to ask the agent of a turn more, in the same session. A turn that failed early has no session. */
export function AskMore({ agent: id, sessionId, isOver }: AskMoreProps): VNode | null {
  const { data: agent } = useQuery(`agent:${id}`, (signal) => api.agent(id, signal))
  if (!agent || (sessionId === null && !isOver)) return null
  return (
    <div class="turn-ask">
      <AskBox
        agent={agent}
        sessionId={sessionId ?? undefined}
        hint={isOver ? undefined : 'Runs after this turn.'}
        onAsked={(turn) => navigate(paths.turn(turn.turn_id))}
      />
    </div>
  )
}
