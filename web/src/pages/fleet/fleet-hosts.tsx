import { useState } from 'preact/hooks'
import { api, type ApiError } from '../../api/client.ts'
import type { ClusterHost } from '../../api/types.ts'
import { Badge } from '../../parts/badge.tsx'
import { Button } from '../../parts/button.tsx'
import { DrainDialog } from '../../parts/dialog/drain-dialog.tsx'
import { Card } from '../../parts/layout.tsx'
import { Meter } from '../../parts/meter.tsx'
import { ErrorNote } from '../../parts/note.tsx'
import { plural } from '../../words/format.ts'

/** Colours and words of the states of a host. */
const states = {
  up: { tone: 'ok', word: 'Up' },
  doubtful: { tone: 'warn', word: 'Doubtful' },
  draining: { tone: 'busy', word: 'Draining' },
} as const

/** Hosts of the cluster: their states and use, and a button that drains each. */
export function FleetHosts({ hosts }: { hosts: readonly ClusterHost[] }) {
  const [asked, setAsked] = useState<ClusterHost>()
  const [error, setError] = useState<ApiError>()
  const drain = (drainMs: number) => {
    setAsked(undefined)
    setError(undefined)
    api.drainHost(asked?.id ?? '', drainMs).catch((thrown: unknown) => setError(thrown as ApiError))
  }
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
      {error && <ErrorNote error={error} />}
      {asked && (
        <DrainDialog
          action="Drain the host"
          id={asked.id}
          onDrain={drain}
          onClose={() => setAsked(undefined)}
        >
          <p>
            The host leaves the cluster, and comes back when its process is started again.{' '}
            {plural(asked.used, 'agent')} and all waiting turns move to other hosts
            {hosts.some(({ id, state }) => id !== asked.id && state === 'up')
              ? '. Turns that run too long fail.'
              : ', of which none is up.'}
          </p>
        </DrainDialog>
      )}
    </Card>
  )
}
