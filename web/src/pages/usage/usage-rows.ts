import type { Usage, UsageRow } from '../../api/types.ts'
import { ordered, orderIn, searchWith, type Order } from '../../app/order.ts'

/** Keys that usage is summed up by. */
export const groupings = ['agent', 'tenant', 'model', 'day'] as const

/** Names of the keys. */
export const groupingNames = { agent: 'Agent', tenant: 'Tenant', model: 'Model', day: 'Day' } as const

/** Key that usage is summed up by. */
export type Grouping = (typeof groupings)[number]

/** Spans of time, by their names in the address. */
export const spans = { today: 1, '7d': 7, '30d': 30, all: undefined } as const

/** Name of a span of time. */
export type Span = keyof typeof spans

/** Columns of the table of usage. */
export const usageColumns = [
  'key',
  'cost',
  'turns',
  'input',
  'output',
  'reasoning',
  'cache_read',
  'cache_write',
] as const

/** Column of the table of usage. */
export type UsageColumn = (typeof usageColumns)[number]

/** Choice of the page, as its address holds it. */
export interface UsageQuery extends Order<UsageColumn> {
  by: Grouping
  span: Span
}

const usualSpan: Span = '30d'

/** Returns the query in an address; what it does not know counts as absent. */
export function usageQueryOf(search: string): UsageQuery {
  const parameters = new URLSearchParams(search)
  const by = groupings.find((grouping) => grouping === parameters.get('by')) ?? 'agent'
  const span = parameters.get('span') ?? ''
  return {
    by,
    span: Object.hasOwn(spans, span) ? (span as Span) : usualSpan,
    ...orderIn(parameters, usageColumns, usualOrder(by)),
  }
}

/** Returns the order of a table without a chosen order: the newest day first, else the most expensive row first. */
const usualOrder = (by: Grouping): Order<UsageColumn> => ({
  sort: by === 'day' ? 'key' : 'cost',
  isDescending: true,
})

/** Returns the address's part for a query: empty for the usual one. */
export const usageSearchOf = (query: UsageQuery): string => {
  const { by, span } = query
  const values = { by: by === 'agent' ? '' : by, span: span === usualSpan ? '' : span }
  return searchWith(values, query, usualOrder(by))
}

/** Returns the query after the choice of another key, in the usual order of that key. */
export const groupedBy = (query: UsageQuery, by: Grouping): UsageQuery => ({
  ...query,
  by,
  ...usualOrder(by),
})

/** Returns the query after a click on the head of a column. */
export const usageSortedBy = (query: UsageQuery, column: UsageColumn): UsageQuery => ({
  ...query,
  ...ordered(query, column, column !== 'key'),
})

/** Returns the day (UTC) with which a span of time begins, as the gateway takes it; `undefined` for all time. */
export function sinceOf(span: Span, now: number): string | undefined {
  const days = spans[span]
  if (days === undefined) return undefined
  return `${dayOf(now - (days - 1) * dayMs)}T00:00:00Z`
}

/** Returns the day (UTC) of a time, as the rows of `by=day` have it. */
export const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10)

const dayMs = 86_400_000

/** Returns the value of a row in a column. */
export function valueOf({ key, turns, usage }: UsageRow, column: UsageColumn): number | string {
  if (column === 'key') return key
  if (column === 'turns') return turns
  if (column === 'cost') return usage.cost_usd
  return usage[`${column}_tokens`]
}

/** Returns the rows in an order. */
export function sortedRows(
  rows: readonly UsageRow[],
  { sort, isDescending }: UsageQuery,
): readonly UsageRow[] {
  const sign = isDescending ? -1 : 1
  return [...rows].sort((a, b) => {
    const [one, other] = [valueOf(a, sort), valueOf(b, sort)]
    return sign * (one < other ? -1 : one > other ? 1 : 0) || (a.key < b.key ? -1 : 1)
  })
}

/** Returns the sum of rows. */
export function totalOf(rows: readonly UsageRow[]): { turns: number; usage: Usage } {
  const total = {
    turns: 0,
    usage: {
      input_tokens: 0,
      output_tokens: 0,
      reasoning_tokens: 0,
      cache_read_tokens: 0,
      cache_write_tokens: 0,
      cost_usd: 0,
    },
  }
  for (const { turns, usage } of rows) {
    total.turns += turns
    for (const key of Object.keys(total.usage) as (keyof Usage)[]) total.usage[key] += usage[key]
  }
  return total
}

/** Figure that the bars show: the cost, or the tokens if no model has a price. */
export type Measure = 'cost' | 'tokens'

/** Returns the figure that the bars of some rows show. */
export const measureOf = (rows: readonly UsageRow[]): Measure =>
  rows.some(({ usage }) => usage.cost_usd > 0) ? 'cost' : 'tokens'

/** Returns the figure of a row for its bar. */
export const measured = ({ usage }: UsageRow, measure: Measure): number =>
  measure === 'cost' ? usage.cost_usd : usage.input_tokens + usage.output_tokens + usage.reasoning_tokens
