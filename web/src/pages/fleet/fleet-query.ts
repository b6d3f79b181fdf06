import type { LifecycleState } from '../../api/types.ts'

/** Columns of the table of agents. */
export const columns = ['id', 'state', 'memory', 'turns', 'requests', 'restarts', 'used', 'error'] as const

/** Column of the table of agents. */
export type Column = (typeof columns)[number]

/** Filter and order of the table of agents, as the address of the page holds them. */
export interface FleetQuery {
  text: string
  /** States that are shown; all if empty. */
  states: readonly LifecycleState[]
  /** Tenant whose agents are shown; all if absent. */
  tenant?: string
  sort: Column
  isDescending: boolean
}

/** Query of a page without parameters: agents that need attention come first. */
export const usualQuery: FleetQuery = { text: '', states: [], sort: 'state', isDescending: false }

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

/** Columns whose largest values are sought, so that a first click sorts them downwards. */
const descendingFirst: ReadonlySet<Column> = new Set(['memory', 'turns', 'requests', 'restarts', 'used'])

/** Returns the query in an address; what it does not know counts as absent. */
export function queryOf(search: string): FleetQuery {
  const parameters = new URLSearchParams(search)
  const states = (parameters.get('state') ?? '').split(',')
  const tenant = parameters.get('tenant')
  const [, minus = '', name = ''] = /^(-?)(.*)$/.exec(parameters.get('sort') ?? '') ?? []
  const sort = columns.find((column) => column === name)
  return {
    text: parameters.get('q') ?? '',
    states: statesByAttention.filter((state) => states.includes(state)),
    ...(tenant !== null && tenant !== '' && { tenant }),
    sort: sort ?? usualQuery.sort,
    isDescending: sort !== undefined && minus !== '',
  }
}

/** Returns the address's part for a query: empty for the usual one. */
export function searchOf({ text, states, tenant, sort, isDescending }: FleetQuery): string {
  const parameters = new URLSearchParams()
  if (text !== '') parameters.set('q', text)
  if (states.length > 0) parameters.set('state', states.join(','))
  if (tenant !== undefined) parameters.set('tenant', tenant)
  if (sort !== usualQuery.sort || isDescending !== usualQuery.isDescending)
    parameters.set('sort', `${isDescending ? '-' : ''}${sort}`)
  const search = parameters.toString()
  return search === '' ? '' : `?${search}`
}

/** Returns the query after a click on the head of a column: a second click turns the order round. */
export function sortedBy(query: FleetQuery, column: Column): FleetQuery {
  const isDescending = query.sort === column ? !query.isDescending : descendingFirst.has(column)
  return { ...query, sort: column, isDescending }
}

/** Returns the query after a click on a state: a second click takes the state out again. */
export function toggledState(query: FleetQuery, state: LifecycleState): FleetQuery {
  const others = query.states.filter((each) => each !== state)
  return { ...query, states: others.length < query.states.length ? others : [...others, state] }
}
