import type { VNode } from 'preact'
import { api } from '../../api/client.ts'
import type { Turn } from '../../api/types.ts'
import { useQuery } from '../../app/query.ts'
import { paths } from '../../app/router.ts'
import { RelativeTime } from '../../parts/relative-time.tsx'
import { keptPrompt } from '../../parts/ask-box/kept-prompts.ts'
import { InlineText } from '../../parts/text/inline-text.tsx'

/** Turns of an agent that are searched for those of the session. */
const searched = 100

/** Lists the turns of the same session, the oldest first. */
export function Conversation({ turn, isOver }: { turn: Turn; isOver: boolean }): VNode | null {
  const { agent, session_id: session, turn_id: id } = turn
  const { data } = useQuery(`conversation:${id}:${session}:${isOver}`, async (signal) =>
    session === null ? undefined : api.turns({ agent, limit: searched }, signal),
  )
  const turns = (data?.items ?? []).filter(({ session_id }) => session_id === session).reverse()
  if (turns.length < 2) return null
  return (
    <nav class="turn-conversation" aria-label="Turns of this session">
      <h2>Session</h2>
      <ol>
        {turns.map((other) => (
          <li key={other.turn_id}>
            <a href={paths.turn(other.turn_id)} aria-current={other.turn_id === id ? 'page' : undefined}>
              <InlineText text={titleOf(other)} max={80} />
            </a>
            <RelativeTime at={Date.parse(other.created_at)} />
          </li>
        ))}
      </ol>
    </nav>
  )
}

/** Returns the prompt of a turn, if this tab has asked it, else the beginning of its answer. */
function titleOf({ turn_id, reply, state }: Turn): string {
  const asked = keptPrompt(turn_id)?.text
  const answer = reply?.kind === 'final' ? reply.content : reply?.error
  return (asked ?? answer ?? state).trim().split('\n')[0] ?? state
}
