import { useState } from 'preact/hooks'
import { api, type ApiError } from '../../api/client.ts'
import type { AgentStatus } from '../../api/types.ts'
import { Button } from '../../parts/button.tsx'
import { ErrorNote } from '../../parts/note.tsx'
import { StopDialog } from './stop-dialog.tsx'

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
        <StopDialog status={status} onStop={(ms) => void stop(ms)} onClose={() => setAsking(false)} />
      )}
    </>
  )
}
