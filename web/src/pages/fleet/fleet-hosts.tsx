import { useState } from 'preact/hooks'
import { api, type ApiError } from '../../api/client.ts'
import type { ClusterHost } from '../../api/types.ts'
import { Badge } from '../../parts/badge.tsx'
import { Button } from '../../parts/button.tsx'
import { Dialog } from '../../parts/dialog/dialog.tsx'
import { Card } from '../../parts/layout.tsx'
import { Meter } from '../../parts/meter.tsx'
import { ErrorNote } from '../../parts/note.tsx'
import { plural } from '../../words/format.ts'

/** Time for running turns to finish on a host that is drained, in ms. */
const drainMs = 60_000

/** Colours and words of the states of a host. */
const states = {
  up: { tone: 'ok', word: 'Up' },
  doubtful: { tone: 'warn', word: 'Doubtful' },
  draining: { tone: 'busy', word: 'Draining' },
} as const

/** Hosts of the cluster: their states and use, and a button that drains each. */
export function FleetHosts({ hosts }: { hosts: readonly ClusterHost[] }) {
  const [asked, setAsked] = useState<ClusterHost>()
  return (
    <Card title="Hosts">
      <ul class="fleet-hosts">
        {hosts.map((host) => {
          const { id, state, used, max } = host
          const { tone, word } = states[state]
          return (
            <li key={id} data-host-id={id}>
              <div class="row">
                <b class="break">{id}</b>
                <Badge tone={tone}>{word}</Badge>
              </div>
              <Meter value={used} max={max} label={`Agents on ${id}`} high={2} />
              <div class="row">
                <span class="muted number">
                  {used} of {plural(max, 'agent')}
                </span>
                {state !== 'draining' && (
                  <Button size="small" aria-label={`Drain ${id}`} onClick={() => setAsked(host)}>
                    Drain
                  </Button>
                )}
              </div>
            </li>
          )
        })}
      </ul>
      {asked && (
        <DrainDialog
          host={asked}
          isLast={!hosts.some(({ id, state }) => id !== asked.id && state === 'up')}
          onClose={() => setAsked(undefined)}
        />
      )}
    </Card>
  )
}

/** Question before a host is drained. */
function DrainDialog({
  host: { id, used },
  isLast,
  onClose,
}: {
  host: ClusterHost
  isLast: boolean
  onClose: () => void
}) {
  const [isBusy, setBusy] = useState(false)
  const [error, setError] = useState<ApiError>()
  const drain = () => {
    setBusy(true)
    api.drainHost(id, drainMs).then(onClose, (thrown: unknown) => {
      setError(thrown as ApiError)
      setBusy(false)
    })
  }
  return (
    <Dialog title={`Drain ${id}?`} onClose={onClose}>
      <div class="stack">
        <p>
          The host leaves the cluster. Running turns have 1 minute to finish, and fail after that.{' '}
          {plural(used, 'agent')} and all waiting turns move to other hosts. The host comes back when its
          process is started again.
        </p>
        {isLast && <p>No other host is up: turns wait until one is.</p>}
        {error && <ErrorNote error={error} />}
        <div class="dialog-actions">
          <Button onClick={onClose}>Keep it</Button>
          <Button kind="danger" busy={isBusy} onClick={drain}>
            Drain the host
          </Button>
        </div>
      </div>
    </Dialog>
  )
}
