import { useValue } from '../live/use-value.ts'
import './connection-banner.css'
import { connection, lastHeard, retryNow } from '../live/store.ts'
import { Button } from '../parts/button.tsx'
import { Shape } from '../parts/badge.tsx'
import { clock } from '../words/format.ts'

/** Says that the pages are not live. A first attempt after a break takes no time. */
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
          <Button size="small" onClick={retryNow}>
            Try now
          </Button>
        </>
      )}
    </div>
  )
}
