import { useNow, useValue } from '../../live/use-value.ts'
import type { ComponentChildren } from 'preact'
import { api } from '../../api/client.ts'
import { useQuery } from '../../app/query.ts'
import { useReloadOn } from '../../app/reload-on.ts'
import { endedTurns, totals } from '../../live/store.ts'
import { useThrottled } from '../../live/throttled.ts'
import { Meter } from '../../parts/meter.tsx'
import { bytes, cost, plural } from '../../words/format.ts'
import { dayOf } from '../usage/usage-rows.ts'

/** Time between two readings of the cost, in ms. */
const costMs = 5_000

/** Totals of the fleet: places, memory, turns and the cost of the day. */
export function FleetSummary() {
  const all = useValue(totals)
  if (!all) return <div class="fleet-tiles" aria-busy="true" />
  const { servers, memory, turns } = all
  const places = servers.running + servers.starting
  return (
    <div class="fleet-tiles">
      <Tile
        label="Places"
        value={String(places)}
        of={`of ${servers.max}`}
        note={servers.starting > 0 ? `${servers.starting} starting` : 'servers that run'}
      >
        <Meter value={places} max={servers.max} label="Places for servers" high={2} />
      </Tile>
      <Tile
        label="Memory"
        value={bytes(memory.used_mb)}
        of=""
        note={`${percent(memory.used_mb, memory.budget_mb)} of ${bytes(memory.budget_mb)}`}
      >
        <Meter value={memory.used_mb} max={memory.budget_mb} label="Memory of all servers" />
      </Tile>
      <Tile
        label="Turns"
        value={String(turns.running)}
        of="running"
        note={turns.queued > 0 ? `${plural(turns.queued, 'turn')} waiting` : 'none waiting'}
      >
        <Meter value={turns.running} max={turns.max} label="Turns that run" high={2} />
      </Tile>
      <CostToday />
    </div>
  )
}

function CostToday() {
  const ended = useThrottled(endedTurns, costMs)
  const day = dayOf(useNow())
  const since = `${day}T00:00:00Z`
  const { data, error, reload } = useQuery(since, (signal) => api.usage('day', since, signal))
  useReloadOn(ended, reload)
  const today = data?.find(({ key }) => key === day)
  const value = error ? '–' : data ? cost(today?.usage.cost_usd ?? 0) : '…'
  const note = error ? error.message : `${plural(today?.turns ?? 0, 'turn')} today (UTC)`
  return <Tile label="Cost today" value={value} of="" note={note} />
}

function Tile({
  label,
  value,
  of,
  note,
  children,
}: {
  label: string
  value: string
  of: string
  note: string
  children?: ComponentChildren
}) {
  return (
    <div class="fleet-tile" role="group" aria-label={label}>
      <h2 class="fleet-tile-label">{label}</h2>
      <p class="fleet-tile-value">
        {value} {of !== '' && <span class="fleet-tile-of">{of}</span>}
      </p>
      {children}
      <p class="fleet-tile-note">{note}</p>
    </div>
  )
}

const percent = (value: number, max: number): string =>
  max > 0 ? `${Math.round((100 * value) / max)} %` : '0 %'
