import { useState } from 'preact/hooks'
import { api, type ApiError } from '../../api/client.ts'
import type { AgentStatus } from '../../api/types.ts'
import { Button } from '../../parts/button.tsx'
import { ErrorNote } from '../../parts/note.tsx'
import { DrainDialog } from '../../parts/dialog/drain-dialog.tsx'
import { plural } from '../../words/format.ts'

/** Start and stop of an agent's server. A stop that would end work is confirmed first. */
export function AgentActions({ status }: { status: AgentStatus }) {
  const [busy, setBusy] = useState<'start' | 'stop'>()
  const [error, setError] = useState<ApiError>()
  const [isAsking, setAsking] = useState(false)
  const { id, state, turns } = status
  const isRunning = state !== 'idle' && state !== 'failed'
  const hurts = turns.running + turns.queued > 0

  const run = async (what: 'start' | 'stop', call: () => Promise<unknown>): Promise<void> => {
    setBusy(what)
    setError(undefined)
    setAsking(false)
    await call().catch((thrown: unknown) => setError(thrown as ApiError))
    setBusy(undefined)
  }
  const stop = (drainMs: number) => run('stop', () => api.stopAgent(id, drainMs))

  return (
    <>
      {error && <ErrorNote error={error} />}
      {!isRunning && (
        <Button
          kind="primary"
          busy={busy === 'start'}
          onClick={() => void run('start', () => api.startAgent(id))}
        >
          Start
        </Button>
      )}
      {isRunning && (
        <Button
          kind={hurts ? 'danger' : 'plain'}
          busy={busy === 'stop'}
          onClick={() => (hurts ? setAsking(true) : void stop(0))}
        >
          Stop
        </Button>
      )}
      {isAsking && (
        <DrainDialog
          action="Stop the agent"
          id={id}
          onDrain={(ms) => void stop(ms)}
          onClose={() => setAsking(false)}
        >
          <p>{consequence(turns)}</p>
        </DrainDialog>
      )}
    </>
  )
}

/** Returns what a stop ends, in words. */
function consequence({ running, queued }: AgentStatus['turns']): string {
  const parts = [
    running > 0 && `${plural(running, 'turn is', 'turns are')} running, and cancelled if not done in time.`,
    queued > 0 && `${plural(queued, 'turn is', 'turns are')} waiting, and cancelled at once.`,
  ]
  return parts.filter(Boolean).join(' ')
}
