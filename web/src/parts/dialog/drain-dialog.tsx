import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { Button } from '../button.tsx'
import { Dialog } from './dialog.tsx'

/** Times that running turns may have to end, in ms. */
const drains = [
  { ms: 60_000, words: 'Let running turns finish, for at most 1 minute' },
  { ms: 600_000, words: 'Let running turns finish, for at most 10 minutes' },
  { ms: 0, words: 'Stop at once' },
] as const

interface DrainDialogProps {
  /** Words of the button, such as `Stop the agent`. */
  action: string
  /** Name of the agent or host. */
  id: string
  onDrain: (drainMs: number) => void
  onClose: () => void
  /** Consequences, in words. */
  children: ComponentChildren
}

/** Question before something that ends work: how long running turns may go on. */
export function DrainDialog({ action, id, onDrain, onClose, children }: DrainDialogProps) {
  const [drainMs, setDrainMs] = useState<number>(drains[0].ms)
  const [verb] = action.split(' ')
  return (
    <Dialog title={`${verb ?? ''} ${id}?`} onClose={onClose}>
      <form
        method="dialog"
        onSubmit={(event) => {
          event.preventDefault()
          onDrain(drainMs)
        }}
      >
        {children}
        <fieldset class="dialog-drains">
          <legend class="visually-hidden">Running turns</legend>
          {drains.map(({ ms, words }) => (
            <label key={ms}>
              <input type="radio" name="drain" checked={drainMs === ms} onChange={() => setDrainMs(ms)} />
              {words}
            </label>
          ))}
        </fieldset>
        <div class="dialog-actions">
          <Button onClick={onClose}>Keep it running</Button>
          <Button kind="danger" type="submit">
            {action}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
