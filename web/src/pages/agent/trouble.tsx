import type { AgentStatus } from '../../api/types.ts'
import { paths } from '../../app/router.ts'
import { Note } from '../../parts/note.tsx'
import { adviceFor } from '../../words/advice.ts'
import { plural } from '../../words/format.ts'
import { explain } from '../../words/reasons.ts'
import { ErrorText } from './error-text.tsx'

/** Note on the error of a server, with what a person can do about it. */
export function Trouble({ status }: { status: AgentStatus }) {
  const { error, state } = status
  if (!error) return null
  const advice = adviceFor(error.code)
  return (
    <section class={`agent-trouble tone-${state === 'failed' ? 'bad' : 'warn'}`} aria-label="Error">
      <p class="agent-trouble-title">{explain(status).title}.</p>
      <ErrorText message={error.message} />
      <p>
        {advice} <code>{error.code}</code>
      </p>
    </section>
  )
}

/** Note that turns of the agent wait for answers of a person. */
export function OpenRequests({ count }: { count: number }) {
  if (count === 0) return null
  return (
    <Note tone="warn">
      {plural(count, 'request waits', 'requests wait')} for an answer.
      <a class="agent-answer" href={paths.approvals}>
        Answer
      </a>
    </Note>
  )
}
