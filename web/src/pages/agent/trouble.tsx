import type { AgentStatus } from '../../api/types.ts'
import { adviceFor } from '../../words/advice.ts'
import { explain } from '../../words/reasons.ts'
import { ErrorText } from './error-text.tsx'

/** Note on the error of a server, with what a person can do about it. */
export function Trouble({ status }: { status: AgentStatus }) {
  const { error, state } = status
  if (!error) return null
  const advice = adviceFor(error.code)
  return (
    <section class={`agent-trouble agent-trouble-${state === 'failed' ? 'bad' : 'warn'}`} aria-label="Error">
      <p class="agent-trouble-title">{explain(status).title}.</p>
      <ErrorText message={error.message} />
      <p>
        {advice} <code>{error.code}</code>
      </p>
    </section>
  )
}
