import { useNow, useValue } from '../live/use-value.ts'
import './connection-banner.css'
import { connection, lastHeard, retryNow } from '../live/store.ts'
import { Button } from '../parts/button.tsx'
import { Shape } from '../parts/badge.tsx'
import { clock, duration } from '../words/format.ts'

/** Says that the pages are not live, and when the next attempt is. A first attempt after a break takes no time. */
export function ConnectionBanner() {
  const { state, attempt, message } = useValue(connection)
  const isShown = state === 'waiting' || (state === 'connecting' && attempt > 0)
  return (
    <div class="connection-banner" role="status" hidden={!isShown}>
      {isShown && (
        <>
          <Shape tone="bad" />
          <span>
            {message ?? 'The gateway does not answer'}.{' '}
            {lastHeard() > 0 && `The values are those of ${clock(lastHeard())}.`}
          </span>
          <NextAttempt />
          <Button size="small" onClick={retryNow}>
            Try now
          </Button>
        </>
      )}
    </div>
  )
}

/** Countdown, which a screen reader would read out each second. */
function NextAttempt() {
  const { state, retryAt } = useValue(connection)
  // The time of the attempt is on the clock of the browser; `now` makes the text change each second.
  const rest = useNow() === 0 || retryAt === undefined ? 0 : Math.max(0, retryAt - Date.now())
  const text = state === 'waiting' && rest >= 1_000 ? `Next attempt in ${duration(rest)}` : 'Connecting …'
  return (
    <span class="connection-banner-next number" aria-hidden="true">
      {text}
    </span>
  )
}
