import type { LifecycleState } from '../../api/types.ts'
import { ordered, orderIn, searchWith, type Order } from '../../app/order.ts'

/** Columns of the table of agents. */
export const columns = ['id', 'state', 'memory', 'turns', 'requests', 'restarts', 'used', 'error'] as const

/** Column of the table of agents. */
export type Column = (typeof columns)[number]

/** Columns of numbers, whose largest values are sought, so that a first click sorts them downwards. */
export const numericColumns: ReadonlySet<Column> = new Set([
  'memory',
  'turns',
  'requests',
  'restarts',
  'used',
])

/** Filter and order of the table of agents, as the address of the page holds them. */
export interface FleetQuery extends Order<Column> {
  text: string
}

/** Query of a page without parameters: agents that need attention come first. */
export const usualQuery: FleetQuery = {
  text: '',
  sort: 'state',
  isDescending: false,
}

/** States in the order of the attention that they need. */
export const statesByAttention: readonly LifecycleState[] = [
  'failed',
  'reaping',
  'probing',
  'spawning',
  'configuring',
  'healthy',
  'idle',
]

/** Returns the query in an address; what it does not know counts as absent. */
export function queryOf(search: string): FleetQuery {
  const parameters = new URLSearchParams(search)
  return {
    text: parameters.get('q') ?? '',
    ...orderIn(parameters, columns, { sort: usualQuery.sort, isDescending: usualQuery.isDescending }),
  }
}

/** Returns the address's part for a query: empty for the usual one. */
export const searchOf = (query: FleetQuery): string => searchWith({ q: query.text }, query, usualQuery)

/** Returns the query after a click on the head of a column. */
export const sortedBy = (query: FleetQuery, column: Column): FleetQuery => ({
  ...query,
  ...ordered(query, column, numericColumns.has(column)),
})
