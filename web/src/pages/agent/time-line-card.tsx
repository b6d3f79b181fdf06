import { useNow } from '../../live/use-value.ts'
import { useState } from 'preact/hooks'
import { Shape } from '../../parts/badge.tsx'
import { Button } from '../../parts/button.tsx'
import { Card } from '../../parts/layout.tsx'
import { adviceFor } from '../../words/advice.ts'
import { clock, duration, exact } from '../../words/format.ts'
import { serverStates } from '../../words/states.ts'
import { ErrorText } from './error-text.tsx'
import type { Entry } from './time-line.ts'

/** Number of entries that are shown at first. */
const most = 20

/** Time line of an agent: the newest entry first, with durations and the causes in words. */
export function TimeLine({ entries }: { entries: readonly Entry[] }) {
  const [isWhole, setWhole] = useState(false)
  const shown = isWhole ? entries : entries.slice(0, most)
  return (
    <Card title="Time line">
      {entries.length === 0 && (
        <p class="muted">Nothing has happened to this agent since the gateway started.</p>
      )}
      <ol class="agent-time-line" aria-label="Time line">
        {shown.map((entry) => (
          <Row key={entry.seq} entry={entry} />
        ))}
      </ol>
      {entries.length > shown.length && (
        <Button kind="quiet" onClick={() => setWhole(true)}>
          Show {entries.length - shown.length} older entries
        </Button>
      )}
    </Card>
  )
}

function Row({ entry }: { entry: Entry }) {
  const { at, until, state, title, error, pid, isFault } = entry
  // The advice for a failed server stands at the top of the page.
  const advice = error && state !== 'failed' ? adviceFor(error.code) : undefined
  return (
    <li class="agent-entry">
      <time class="agent-entry-time" dateTime={new Date(at).toISOString()} title={exact(at)}>
        {clock(at)}
      </time>
      <span class="agent-entry-mark" aria-hidden="true">
        <Shape tone={isFault ? 'bad' : state ? serverStates[state].tone : 'idle'} />
      </span>
      <div class="agent-entry-text">
        <p>
          {state && <strong>{state}</strong>} {title}
          {pid !== undefined && state === 'probing' && <span class="muted"> (pid {pid})</span>}
        </p>
        {error && <ErrorText message={error.message} />}
        {advice !== undefined && <p class="muted">{advice}</p>}
      </div>
      {state && (
        <span class="agent-entry-duration">
          {until === undefined ? <Lasting at={at} /> : duration(until - at)}
        </span>
      )}
    </li>
  )
}

/** Duration of the present state, which grows. */
const Lasting = ({ at }: { at: number }) => <>{duration(Math.max(0, useNow() - at))} …</>
