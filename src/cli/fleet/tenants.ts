import type { FleetStatus, Load } from '../../api/fleet/types.ts'
import type { FrameOptions } from './frame-options.ts'
import { clip, formatTable, type Column } from './table.ts'
import { counted } from './units.ts'

type TenantRow = [name: string, tenant: { weight: number; turns: Load }]

const columns: Column<TenantRow>[] = [
  { title: 'tenant', text: ([name]) => name },
  { title: 'weight', text: ([, { weight }]) => String(weight), isNumber: true, rank: 1 },
  { title: 'running', text: ([, { turns }]) => `${turns.running}/${turns.max}`, isNumber: true, rank: 3 },
  { title: 'queued', text: ([, { turns }]) => String(turns.queued), isNumber: true, rank: 2 },
]

/** Maximum number of tenants that are shown on a terminal. */
const mostTenants = 10

/**
 * Returns the tenants as a table, the busiest first; no lines for a single tenant, whose numbers are those of the
 * fleet.
 */
export function tenantLines({ tenants }: FleetStatus, { width, height, paint }: FrameOptions): string[] {
  const load = ({ turns }: TenantRow[1]): number => turns.running + turns.queued
  const rows = Object.entries(tenants).sort(
    ([a, one], [b, other]) => load(other) - load(one) || (a < b ? -1 : 1),
  )
  if (rows.length < 2) return []
  const room = height === Infinity ? rows.length : Math.max(2, Math.min(mostTenants, Math.floor(height / 6)))
  const more = rows.length - room
  return [
    ...formatTable(columns, rows.slice(0, room), width, paint),
    ...(more > 0 ? [paint('dim', clip(`… ${counted(more, 'more tenant')}`, width))] : []),
  ]
}
