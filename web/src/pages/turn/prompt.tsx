import type { VNode } from 'preact'
import { api } from '../../api/client.ts'
import type { Turn } from '../../api/types.ts'
import { useQuery } from '../../app/query.ts'
import { agentOf } from '../../live/store.ts'
import { useValue } from '../../live/use-value.ts'
import { InlineText } from '../../parts/text/inline-text.tsx'
import { PlainText } from '../../parts/text/plain-text.tsx'

/** Shows what was asked, if the agent's server runs: the server has the history, and the gateway keeps no prompts. */
export function Prompt({ turn, isOver }: { turn: Turn; isOver: boolean }): VNode | null {
  const { agent, session_id: session, turn_id: id } = turn
  // The history of an agent without a server would start the server.
  const isRunning = useValue(agentOf(agent))?.state === 'healthy'
  const { data } = useQuery(`history:${session}:${id}:${isRunning}:${isOver}`, async (signal) =>
    isRunning && session !== null ? api.history(session, agent, signal) : undefined,
  )
  const asked = data?.find(({ turn_id }) => turn_id === id)
  if (!asked) return null
  return (
    <section class="turn-prompt" aria-label="What was asked">
      <PlainText text={asked.text} label="Prompt" lines={12} />
      {asked.attachments.length > 0 && (
        <ul>
          {asked.attachments.map(({ filename, mime }) => (
            <li key={filename}>
              <InlineText text={filename ?? mime} max={100} />
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}
