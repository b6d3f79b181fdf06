import { useEffect, useRef, useState } from 'preact/hooks'
import { api } from '../../api/client.ts'
import type { LifecycleState } from '../../api/types.ts'
import { useQuery } from '../../app/query.ts'
import { Card } from '../../parts/layout.tsx'
import { ErrorNote } from '../../parts/note.tsx'
import { PlainText } from '../../parts/text/plain-text.tsx'

/** Number of lines that are read. */
const tail = 300
/** Time between two readings while the log is followed and the page is visible, in ms. */
const intervalMs = 2_000

/** End of the log of an agent's server. */
export function AgentLog({ id, state }: { id: string; state: LifecycleState | undefined }) {
  const [isFollowed, setFollowed] = useState(true)
  const [wanted, setWanted] = useState('')
  const { data, error, reload } = useQuery(`log of ${id}`, (signal) => api.agentLog(id, tail, signal))
  useFollowing(isFollowed, state, reload)
  const lines = data?.filter((line) => line.toLowerCase().includes(wanted.toLowerCase())) ?? []
  return (
    <Card
      title="Log"
      actions={
        <div class="agent-log-tools">
          <input
            class="input"
            type="search"
            placeholder="Filter lines"
            aria-label="Filter lines of the log"
            value={wanted}
            onInput={({ currentTarget }) => setWanted(currentTarget.value)}
          />
          <label class="agent-switch">
            <input
              type="checkbox"
              checked={isFollowed}
              onChange={({ currentTarget }) => setFollowed(currentTarget.checked)}
            />
            Follow
          </label>
        </div>
      }
    >
      {error && <ErrorNote error={error} onRetry={reload} />}
      <Lines lines={lines} isEmpty={data?.length === 0} isFiltered={wanted !== ''} />
    </Card>
  )
}

/** Reads the log again at intervals, and when the state of the server changes. */
function useFollowing(isFollowed: boolean, state: LifecycleState | undefined, reload: () => void): void {
  useEffect(() => {
    if (!isFollowed) return undefined
    reload()
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') reload()
    }, intervalMs)
    return () => clearInterval(timer)
  }, [isFollowed, state, reload])
}

interface LinesProps {
  lines: readonly string[]
  isEmpty: boolean
  isFiltered: boolean
}

/** Lines of a log, scrolled to the end while the reader is there. */
function Lines({ lines, isEmpty, isFiltered }: LinesProps) {
  const box = useRef<HTMLDivElement>(null)
  const isAtEnd = useRef(true)
  const text = lines.join('\n')
  useEffect(() => {
    const scrolled = box.current?.querySelector('[role="region"]')
    if (scrolled && isAtEnd.current) scrolled.scrollTop = scrolled.scrollHeight
  }, [text])
  if (isEmpty) return <p class="muted">The log has no lines.</p>
  if (lines.length === 0) return isFiltered ? <p class="muted">No line matches.</p> : null
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
