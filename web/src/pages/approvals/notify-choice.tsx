import { Button } from '../../parts/button.tsx'
import { notifyState, toggleNotifications } from './notifications.ts'
import { notifyWords } from './notify.ts'

/** Button that turns notifications on and off, or the reason for which there are none. */
export function NotifyChoice() {
  const state = notifyState.value
  const words = notifyWords[state]
  if (words !== undefined) return <span class="approvals-notify">{words}</span>
  return (
    <Button kind="quiet" aria-pressed={state === 'on'} onClick={() => void toggleNotifications()}>
      {state === 'on' ? 'Notifications are on' : 'Notify me'}
    </Button>
  )
}
