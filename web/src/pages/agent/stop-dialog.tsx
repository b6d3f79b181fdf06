import { useState } from 'preact/hooks'
import type { AgentStatus } from '../../api/types.ts'
import { Button } from '../../parts/button.tsx'
import { Dialog } from '../../parts/dialog/dialog.tsx'
import { plural } from '../../words/format.ts'

/** Times that running turns may have to end, in ms. */
const drains = [
  { ms: 60_000, words: 'Let running turns finish, for at most 1 minute' },
  { ms: 600_000, words: 'Let running turns finish, for at most 10 minutes' },
  { ms: 0, words: 'Stop at once' },
] as const

interface StopDialogProps {
  status: AgentStatus
  onStop: (drainMs: number) => void
  onClose: () => void
}

/** Question before a stop that ends work. */
export function StopDialog({ status: { id, turns }, onStop, onClose }: StopDialogProps) {
  const [drainMs, setDrainMs] = useState<number>(drains[0].ms)
  return (
    <Dialog title={`Stop ${id}?`} onClose={onClose}>
      <form
        method="dialog"
        onSubmit={(event) => {
          event.preventDefault()
          onStop(drainMs)
        }}
      >
        <p>{consequence(turns)}</p>
        <fieldset class="agent-drains">
          <legend class="visually-hidden">Running turns</legend>
          {drains.map(({ ms, words }) => (
            <label key={ms}>
              <input type="radio" name="drain" checked={drainMs === ms} onChange={() => setDrainMs(ms)} />
              {words}
            </label>
          ))}
        </fieldset>
        <div class="dialog-actions">
          <Button kind="plain" type="button" onClick={onClose}>
            Keep it running
          </Button>
          <Button kind="danger" type="submit">
            Stop the agent
          </Button>
        </div>
      </form>
    </Dialog>
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
