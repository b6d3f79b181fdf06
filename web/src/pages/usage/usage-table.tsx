import type { UsageRow } from '../../api/types.ts'
import { paths } from '../../app/router.ts'
import { ariaSort, SortButton } from '../../parts/sort-head.tsx'
import { cost, tokens, whole } from '../../words/format.ts'
import {
  groupingNames,
  measured,
  measureOf,
  sortedRows,
  totalOf,
  usageColumns,
  usageSortedBy,
  valueOf,
  type UsageColumn,
  type UsageQuery,
} from './usage-rows.ts'

const names: Readonly<Record<Exclude<UsageColumn, 'key'>, string>> = {
  turns: 'Turns',
  input: 'Input',
  output: 'Output',
  reasoning: 'Reasoning',
  cache_read: 'Cache read',
  cache_write: 'Cache write',
  cost: 'Cost',
}

interface TableProps {
  query: UsageQuery
  onChange: (query: UsageQuery) => void
}

/** Table of tokens and cost, with a bar for each row. */
export function UsageTable({ rows, query, onChange }: TableProps & { rows: readonly UsageRow[] }) {
  const measure = measureOf(rows)
  const most = Math.max(...rows.map((row) => measured(row, measure)))
  return (
    <div class="usage-scroll" tabIndex={0} role="region" aria-label="Tokens and cost">
      <table class="usage-table">
        <thead>
          <tr>
            <Head column="key" query={query} onChange={onChange} />
            <th scope="col" class="usage-bar-cell">
              {measure === 'cost' ? 'Share of cost' : 'Share of tokens'}
            </th>
            {usageColumns.slice(1).map((column) => (
              <Head key={column} column={column} query={query} onChange={onChange} />
            ))}
          </tr>
        </thead>
        <tbody>
          {sortedRows(rows, query).map((row) => (
            <tr key={row.key} data-usage-key={row.key}>
              <th scope="row" class="usage-key">
                <Key by={query.by} name={row.key} />
              </th>
              <td class="usage-bar-cell">
                <Bar share={most > 0 ? measured(row, measure) / most : 0} />
              </td>
              <Cells row={row} />
            </tr>
          ))}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row">Total</th>
            <td class="usage-bar-cell" />
            <Cells row={{ key: '', ...totalOf(rows) }} />
          </tr>
        </tfoot>
      </table>
    </div>
  )
}

function Head({ column, query, onChange }: TableProps & { column: UsageColumn }) {
  return (
    <th
      scope="col"
      class={`column-${column}`}
      data-numeric={column !== 'key'}
      aria-sort={ariaSort(query, column)}
    >
      <SortButton onSort={() => onChange(usageSortedBy(query, column))}>
        {column === 'key' ? groupingNames[query.by] : names[column]}
      </SortButton>
    </th>
  )
}

function Key({ by, name }: { by: UsageQuery['by']; name: string }) {
  if (name === '') return <span class="usage-unknown">unknown</span>
  return by === 'agent' ? <a href={paths.agent(name)}>{name}</a> : <span>{name}</span>
}

function Cells({ row }: { row: UsageRow }) {
  return usageColumns.slice(1).map((column) => {
    const value = Number(valueOf(row, column))
    const isCost = column === 'cost'
    const text = isCost ? cost(value) : column === 'turns' ? whole(value) : tokens(value)
    const exact = isCost ? `$${value}` : whole(value)
    return (
      <td key={column} class={`column-${column}`} data-zero={value === 0} title={exact}>
        {text}
      </td>
    )
  })
}

/** Bar whose length is a share of the longest bar. */
const Bar = ({ share }: { share: number }) =>
  share > 0 ? <div class="usage-bar" style={{ width: `${100 * share}%` }} /> : null
