import type { VNode } from 'preact'
import { useMemo } from 'preact/hooks'
import { api } from '../../api/client.ts'
import type { Turn } from '../../api/types.ts'
import { useQuery } from '../../app/query.ts'
import { agentOf } from '../../live/store.ts'
import { keptPrompt, type KeptPrompt } from '../../parts/ask-box/kept-prompts.ts'
import { sizeWords } from '../../parts/ask-box/attachments.ts'
import { InlineText } from '../../parts/text/inline-text.tsx'
import { PlainText } from '../../parts/text/plain-text.tsx'

interface ShownPrompt {
  text: string
  files: readonly { filename: string; size?: number }[]
}

/** Shows what was asked, if it is known: this tab has asked, or the agent's server runs and has the history. */
export function Prompt({ turn, isOver }: { turn: Turn | undefined; isOver: boolean }): VNode | null {
  const kept = useMemo(() => (turn ? keptPrompt(turn.turn_id) : undefined), [turn?.turn_id])
  if (kept) return <PromptText prompt={kept} />
  if (!turn?.session_id || !isOver) return null
  // The history of an agent without a server would start the server.
  if (agentOf(turn.agent).peek()?.state !== 'healthy') return null
  return <StoredPrompt id={turn.turn_id} session={turn.session_id} agent={turn.agent} />
}

function StoredPrompt({ id, session, agent }: { id: string; session: string; agent: string }): VNode | null {
  const { data } = useQuery(`history:${session}:${id}`, (signal) => api.history(session, agent, signal))
  const asked = data?.find(({ turn_id }) => turn_id === id)
  if (!asked) return null
  const files = asked.attachments.map(({ filename, mime }) => ({ filename: filename ?? mime }))
  return <PromptText prompt={{ text: asked.text, files }} />
}

function PromptText({ prompt: { text, files } }: { prompt: ShownPrompt | KeptPrompt }): VNode {
  return (
    <section class="turn-prompt" aria-label="What was asked">
      <PlainText text={text} label="Prompt" lines={12} />
      {files.length > 0 && (
        <ul>
          {files.map(({ filename, size }) => (
            <li key={filename}>
              <InlineText text={filename} max={100} /> {size !== undefined && sizeWords(size)}
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}
