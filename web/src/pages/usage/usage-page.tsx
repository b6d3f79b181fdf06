import { useNow } from '../../live/use-value.ts'
import { api } from '../../api/client.ts'
import { useQuery } from '../../app/query.ts'
import { useReloadOn } from '../../app/reload-on.ts'
import { useSearchState } from '../../app/search-state.ts'
import { useTitle } from '../../app/title.ts'
import { endedTurns } from '../../live/store.ts'
import { useThrottled } from '../../live/throttled.ts'
import { Empty, PageHead, Skeleton } from '../../parts/layout.tsx'
import { ErrorNote } from '../../parts/note.tsx'
import { Segmented } from './segmented.tsx'
import {
  groupedBy,
  groupingNames,
  groupings,
  sinceOf,
  spans,
  usageQueryOf,
  usageSearchOf,
  type Span,
} from './usage-rows.ts'
import { UsageTable } from './usage-table.tsx'
import './usage.css'

/** Time between two readings while turns end, in ms. */
const readMs = 5_000

const spanNames: Readonly<Record<Span, string>> = {
  today: 'Today',
  '7d': '7 days',
  '30d': '30 days',
  all: 'All',
}

/** Page of tokens and cost, by agent, tenant, model or day. */
export function UsagePage() {
  useTitle('Usage')
  const [query, setQuery] = useSearchState(usageQueryOf, usageSearchOf)
  const { by, span } = query
  const since = sinceOf(span, useNow())
  const rows = useUsage(by, since)
  return (
    <div class="usage stack">
      <PageHead title="Usage" />
      <div class="usage-choices">
        <Segmented
          label="Sum up by"
          names={groupingNames}
          values={groupings}
          value={by}
          onChange={(value) => setQuery(groupedBy(query, value))}
        />
        <Segmented
          label="Time (days in UTC)"
          names={spanNames}
          values={Object.keys(spans) as Span[]}
          value={span}
          onChange={(value) => setQuery({ ...query, span: value })}
        />
      </div>
      {rows.error && <ErrorNote error={rows.error} onRetry={rows.reload} />}
      {rows.data && rows.data.length > 0 && <UsageTable rows={rows.data} query={query} onChange={setQuery} />}
      {rows.data?.length === 0 && (
        <Empty title="No turn in this time">Tokens and cost appear here when a turn has ended.</Empty>
      )}
      {!rows.data && !rows.error && <Skeleton lines={6} />}
    </div>
  )
}

/** Returns the usage by a key, read again when turns have ended. */
function useUsage(by: keyof typeof groupingNames, since: string | undefined) {
  const ended = useThrottled(endedTurns, readMs)
  const usage = useQuery(`usage ${by} ${since ?? ''}`, (signal) => api.usage(by, since, signal))
  useReloadOn(ended, usage.reload)
  return usage
}
