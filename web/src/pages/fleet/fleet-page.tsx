import { useCluster } from '../../live/use-cluster.ts'
import { useValue } from '../../live/use-value.ts'
import { useSearchState } from '../../app/search-state.ts'
import { useTitle } from '../../app/title.ts'
import { agents, totals } from '../../live/store.ts'
import { useThrottled } from '../../live/throttled.ts'
import { Empty, PageHead, Skeleton } from '../../parts/layout.tsx'
import { Button } from '../../parts/button.tsx'
import { AgentTable } from './agent-table.tsx'
import { FleetFilter } from './fleet-filter.tsx'
import { FleetHosts } from './fleet-hosts.tsx'
import { FleetSummary } from './fleet-summary.tsx'
import { queryOf, searchOf, usualQuery } from './fleet-query.ts'
import { shownAgents } from './fleet-rows.ts'
import './fleet.css'

/** Time between two changes of the order of the table, so that rows do not jump under the pointer, in ms. */
const orderMs = 1_000

/** Page of all agents: totals of the fleet, and a table. */
export function FleetPage() {
  useTitle('Agents')
  const [query, setQuery] = useSearchState(queryOf, searchOf)
  const all = useThrottled(agents, orderMs)
  const isKnown = useValue(totals) !== undefined
  const cluster = useCluster()
  const shown = shownAgents(all, query, cluster.homes)
  const clear = () => setQuery({ ...usualQuery, sort: query.sort, isDescending: query.isDescending })
  return (
    <div class="fleet stack">
      <PageHead title="Agents" />
      <FleetSummary />
      {cluster.hosts.length > 0 && <FleetHosts hosts={cluster.hosts} />}
      {!isKnown ? (
        <Skeleton lines={8} />
      ) : all.length === 0 ? (
        <Empty title="No agents yet">
          Declare agents in the file of <code>opencode-runtime serve</code>, or with{' '}
          <code>PUT /v1/agents</code>. They appear here at once.
        </Empty>
      ) : (
        <>
          <FleetFilter all={all.length} shown={shown.length} query={query} onChange={setQuery} />
          {shown.length > 0 ? (
            <AgentTable ids={shown.map(({ id }) => id)} cluster={cluster} query={query} onChange={setQuery} />
          ) : (
            <Empty title="No agent matches the filter">
              <Button kind="plain" onClick={clear}>
                Clear the filter
              </Button>
            </Empty>
          )}
        </>
      )}
    </div>
  )
}
