import type { Column } from './fleet-query.ts'

/** Heads of the columns of the table of agents. */
export const columnNames: Readonly<Record<Column, string>> = {
  id: 'Agent',
  state: 'State',
  memory: 'Memory',
  turns: 'Turns',
  requests: 'Asks',
  restarts: 'Restarts',
  used: 'Last used',
  error: 'Last error',
}

/** Columns whose values are numbers. */
export const numericColumns: ReadonlySet<Column> = new Set([
  'memory',
  'turns',
  'requests',
  'restarts',
  'used',
])
