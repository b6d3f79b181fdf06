import { useEffect, useRef } from 'preact/hooks'
import { api } from '../../api/client.ts'
import type { LifecycleState } from '../../api/types.ts'
import { useQuery } from '../../app/query.ts'
import { Card } from '../../parts/layout.tsx'
import { ErrorNote } from '../../parts/note.tsx'
import { PlainText } from '../../parts/text/plain-text.tsx'

/** Number of lines that are read. */
const tail = 300
/** Time between two readings while the page is visible, in ms. */
const intervalMs = 2_000

/** End of the log of an agent's server, read again at intervals, and when the state of the server changes. */
export function AgentLog({ id, state }: { id: string; state: LifecycleState | undefined }) {
  const { data, error, reload } = useQuery(`log of ${id}`, (signal) => api.agentLog(id, tail, signal))
  useEffect(() => {
    reload()
    const timer = setInterval(() => {
      if (!document.hidden) reload()
    }, intervalMs)
    return () => clearInterval(timer)
  }, [state, reload])
  return (
    <Card title="Log">
      {error && <ErrorNote error={error} onRetry={reload} />}
      {data && <Lines lines={data} />}
    </Card>
  )
}

/** Lines of a log, scrolled to the end while the reader is there. */
function Lines({ lines }: { lines: readonly string[] }) {
  const box = useRef<HTMLDivElement>(null)
  const isAtEnd = useRef(true)
  const text = lines.join('\n')
  useEffect(() => {
    const scrolled = box.current?.querySelector('[role="region"]')
    if (scrolled && isAtEnd.current) scrolled.scrollTop = scrolled.scrollHeight
  }, [text])
  if (text === '') return <p class="muted">The log has no lines.</p>
  return (
    <div
      ref={box}
      class="agent-log"
      onScrollCapture={({ target }) => {
        const { scrollTop, scrollHeight, clientHeight } = target as HTMLElement
        isAtEnd.current = scrollHeight - scrollTop - clientHeight < 20
      }}
    >
      <PlainText text={text} label="Last lines of the log" lines={tail} ansi />
    </div>
  )
}
