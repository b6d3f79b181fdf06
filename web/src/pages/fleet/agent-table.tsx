import { useRef } from 'preact/hooks'
import { AgentRow } from './agent-row.tsx'
import { columnNames, numericColumns } from './agent-columns.ts'
import { columns, sortedBy, type Column, type FleetQuery } from './fleet-query.ts'
import { useVirtualRows } from './use-virtual-rows.ts'

/** Table of agents. Only the rows on the screen, and near, are in the page. */
export function AgentTable({
  ids,
  query,
  onChange,
}: {
  ids: readonly string[]
  query: FleetQuery
  onChange: (query: FleetQuery) => void
}) {
  const body = useRef<HTMLDivElement>(null)
  const { first, end, height } = useVirtualRows(body, ids.length)
  const space = {
    paddingBlockStart: `${first * height}px`,
    paddingBlockEnd: `${(ids.length - end) * height}px`,
  }
  return (
    <div class="fleet-table" role="table" aria-label="Agents" aria-rowcount={ids.length + 1}>
      <div role="rowgroup" class="fleet-head">
        <div role="row" class="fleet-row" aria-rowindex={1}>
          {columns.map((column) => (
            <Head
              key={column}
              column={column}
              query={query}
              onSort={() => onChange(sortedBy(query, column))}
            />
          ))}
        </div>
      </div>
      <div role="rowgroup" class="fleet-body" ref={body} style={space}>
        {ids.slice(first, end).map((id, i) => (
          <AgentRow key={id} id={id} rowIndex={first + i + 2} />
        ))}
      </div>
    </div>
  )
}

function Head({ column, query, onSort }: { column: Column; query: FleetQuery; onSort: () => void }) {
  const order = query.sort !== column ? undefined : query.isDescending ? 'descending' : 'ascending'
  return (
    <div
      role="columnheader"
      class={`fleet-cell fleet-${column}`}
      data-numeric={numericColumns.has(column)}
      aria-sort={order ?? 'none'}
    >
      <button type="button" class="fleet-head-button" onClick={onSort}>
        {columnNames[column]}
        <span class="fleet-arrow" aria-hidden="true">
          {order === undefined ? '' : order === 'descending' ? '↓' : '↑'}
        </span>
      </button>
    </div>
  )
}
