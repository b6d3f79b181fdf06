import type { VNode } from 'preact'
import type { TerminalReply, Turn } from '../../api/types.ts'
import { paths } from '../../app/router.ts'
import { InlineText } from '../../parts/text/inline-text.tsx'
import { errorWords } from '../../words/turn-errors.ts'
import type { TurnView } from './transcript.ts'

/** Properties of {@link EndNote}. */
export interface EndNoteProps {
  turn: Turn | undefined
  view: TurnView
  isOver: boolean
}

/** Shows how a turn ended, if there is something to tell: a failure, a cut answer, or deleted texts. */
export function EndNote({ turn, view, isOver }: EndNoteProps): VNode | null {
  const end = view.end ?? turn?.reply ?? undefined
  if (end)
    return <Ended end={end} agent={turn?.agent} hasText={view.entries.some(({ kind }) => kind !== 'retry')} />
  if (!isOver || view.lastSeq > 0) return null
  return <p class="turn-note">The texts of this turn were deleted.</p>
}

function Ended({
  end,
  agent,
  hasText,
}: {
  end: TerminalReply
  agent: string | undefined
  hasText: boolean
}): VNode | null {
  if (end.kind === 'error') return <Failure end={end} agent={agent} />
  if (end.finish_reason === 'length')
    return <p class="turn-note">The answer reached the model’s length limit. Ask for the rest.</p>
  if (end.finish_reason === 'tool-calls')
    return <p class="turn-note">The turn ended because a permission was rejected.</p>
  return hasText ? null : <p class="turn-note">The agent answered without any text.</p>
}

const serverCodes = new Set(['server_unavailable', 'server_died'])

function Failure({
  end,
  agent,
}: {
  end: Extract<TerminalReply, { kind: 'error' }>
  agent: string | undefined
}): VNode {
  const { title, advice } = errorWords(end.code, end.retryable)
  return (
    <section
      class="turn-failure"
      data-tone={end.code === 'cancelled' ? 'idle' : 'bad'}
      aria-label="End of the turn"
    >
      <h2>{title}</h2>
      <p>
        {advice}{' '}
        {agent !== undefined && serverCodes.has(end.code) && <a href={paths.agent(agent)}>Open the agent</a>}
      </p>
      {end.code !== 'cancelled' && (
        <p class="turn-failure-text">
          <InlineText text={end.error} max={1_000} />
        </p>
      )}
      <p class="turn-failure-code">
        <code>{end.code}</code> {end.retryable ? 'The same question may succeed later.' : ''}
      </p>
    </section>
  )
}
