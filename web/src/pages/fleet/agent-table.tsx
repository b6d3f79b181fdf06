import { useRef } from 'preact/hooks'
import type { ShownCluster } from '../../live/use-cluster.ts'
import { ariaSort, SortButton } from '../../parts/sort-head.tsx'
import { AgentRow } from './agent-row.tsx'
import { columns, numericColumns, sortedBy, type Column, type FleetQuery } from './fleet-query.ts'
import { useVirtualRows } from './use-virtual-rows.ts'

/** Heads of the columns. */
const names: Readonly<Record<Column, string>> = {
  id: 'Agent',
  state: 'State',
  memory: 'Memory',
  turns: 'Turns',
  requests: 'Requests',
  restarts: 'Restarts',
  used: 'Last used',
  error: 'Last error',
}

/** Table of agents. Only the rows on the screen, and near, are in the page. */
export function AgentTable({
  ids,
  cluster,
  query,
  onChange,
}: {
  ids: readonly string[]
  cluster: ShownCluster
  query: FleetQuery
  onChange: (query: FleetQuery) => void
}) {
  const body = useRef<HTMLDivElement>(null)
  const { first, end, height } = useVirtualRows(body, ids.length)
  const space = { paddingTop: `${first * height}px`, paddingBottom: `${(ids.length - end) * height}px` }
  return (
    <div class="fleet-table" role="table" aria-label="Agents" aria-rowcount={ids.length + 1}>
      <div role="rowgroup" class="fleet-head">
        <div role="row" class="fleet-row" aria-rowindex={1}>
          {columns.map((column) => (
            <div
              key={column}
              role="columnheader"
              class={`fleet-cell column-${column}`}
              data-numeric={numericColumns.has(column)}
              aria-sort={ariaSort(query, column)}
            >
              <SortButton onSort={() => onChange(sortedBy(query, column))}>{names[column]}</SortButton>
            </div>
          ))}
        </div>
      </div>
      <div role="rowgroup" class="fleet-body" ref={body} style={space}>
        {ids.slice(first, end).map((id, i) => (
          <AgentRow
            key={id}
            id={id}
            host={cluster.homes.get(id)}
            ownHost={cluster.host_id}
            rowIndex={first + i + 2}
          />
        ))}
      </div>
    </div>
  )
}
