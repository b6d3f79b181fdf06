import { useValue } from '../../live/use-value.ts'
import { Button } from '../../parts/button.tsx'
import { notifyState, toggleNotifications } from './notifications.ts'

/** Button that turns notifications on and off, or the reason for which there are none. */
export function NotifyChoice() {
  const state = useValue(notifyState)
  if (state === 'none')
    return <span class="muted">Notifications need https, and the browser’s permission.</span>
  return (
    <Button kind="quiet" aria-pressed={state === 'on'} onClick={() => void toggleNotifications()}>
      {state === 'on' ? 'Notifications are on' : 'Notify me'}
    </Button>
  )
}
