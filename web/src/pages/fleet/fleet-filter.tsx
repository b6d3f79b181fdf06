import { whole } from '../../words/format.ts'
import type { FleetQuery } from './fleet-query.ts'

interface FilterProps {
  /** Number of all agents, and of those that the filter lets through. */
  all: number
  shown: number
  query: FleetQuery
  onChange: (query: FleetQuery) => void
}

/** Filter of the table of agents: words of their ids, tenants, states, reasons and errors. */
export const FleetFilter = ({ all, shown, query, onChange }: FilterProps) => (
  <div class="fleet-filter" role="search" aria-label="Agents">
    <input
      type="search"
      class="input fleet-search"
      aria-label="Filter agents by text"
      placeholder="Filter by id, tenant, state, reason or error"
      value={query.text}
      onInput={(event) => onChange({ ...query, text: event.currentTarget.value })}
    />
    <p class="fleet-count" role="status">
      {`${whole(shown)}${shown === all ? '' : ` of ${whole(all)}`} agents`}
    </p>
  </div>
)
