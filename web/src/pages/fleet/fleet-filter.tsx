import type { AgentStatus } from '../../api/types.ts'
import { columnNames } from './agent-columns.ts'
import { columns, statesByAttention, toggledState, type Column, type FleetQuery } from './fleet-query.ts'
import { stateCounts, tenantsOf } from './fleet-rows.ts'

/** Filter of the table of agents: text, states and tenant. */
export function FleetFilter({
  agents,
  shown,
  query,
  onChange,
}: {
  agents: readonly AgentStatus[]
  /** Number of agents that the filter lets through. */
  shown: number
  query: FleetQuery
  onChange: (query: FleetQuery) => void
}) {
  const tenants = tenantsOf(agents)
  const count = (value: number) => value.toLocaleString('en')
  const text =
    shown === agents.length ? `${count(shown)} agents` : `${count(shown)} of ${count(agents.length)} agents`
  return (
    <div class="fleet-filter" role="search" aria-label="Agents">
      <input
        type="search"
        class="input fleet-search"
        aria-label="Filter agents by text"
        placeholder="Filter by id, tenant, reason or error"
        value={query.text}
        onInput={(event) => onChange({ ...query, text: event.currentTarget.value })}
      />
      <StateChips agents={agents} query={query} onChange={onChange} />
      {tenants.length > 1 && <TenantChoice tenants={tenants} query={query} onChange={onChange} />}
      <SortChoice query={query} onChange={onChange} />
      <p class="fleet-count" role="status">
        {text}
      </p>
    </div>
  )
}

interface ChoiceProps {
  query: FleetQuery
  onChange: (query: FleetQuery) => void
}

/** One button for each state that any agent has, with the number of agents. */
function StateChips({ agents, query, onChange }: ChoiceProps & { agents: readonly AgentStatus[] }) {
  const counts = stateCounts(agents)
  const shown = statesByAttention.filter((state) => counts.has(state) || query.states.includes(state))
  return (
    <div class="fleet-chips" role="group" aria-label="Filter by state">
      {shown.map((state) => (
        <button
          key={state}
          type="button"
          class="fleet-chip"
          data-tone={state}
          aria-pressed={query.states.includes(state)}
          onClick={() => onChange(toggledState(query, state))}
        >
          {state} <span class="fleet-chip-count">{counts.get(state) ?? 0}</span>
        </button>
      ))}
    </div>
  )
}

function TenantChoice({ tenants, query, onChange }: ChoiceProps & { tenants: readonly string[] }) {
  const choose = (tenant: string) => {
    const { tenant: _former, ...rest } = query
    onChange(tenant === '' ? rest : { ...rest, tenant })
  }
  return (
    <select
      class="input fleet-select"
      aria-label="Tenant"
      value={query.tenant ?? ''}
      onChange={(event) => choose(event.currentTarget.value)}
    >
      <option value="">All tenants</option>
      {tenants.map((tenant) => (
        <option key={tenant} value={tenant}>
          {tenant}
        </option>
      ))}
    </select>
  )
}

/** Order of the agents, for narrow screens, on which the table has no heads. */
function SortChoice({ query, onChange }: ChoiceProps) {
  const value = `${query.isDescending ? '-' : ''}${query.sort}`
  const choose = (chosen: string) => {
    const sort = columns.find((column) => column === chosen.replace('-', '')) ?? query.sort
    onChange({ ...query, sort, isDescending: chosen.startsWith('-') })
  }
  return (
    <select
      class="input fleet-select fleet-sort"
      aria-label="Order"
      value={value}
      onChange={(event) => choose(event.currentTarget.value)}
    >
      {columns.flatMap((column: Column) => [
        <option key={column} value={column}>{`${columnNames[column]} ↑`}</option>,
        <option key={`-${column}`} value={`-${column}`}>{`${columnNames[column]} ↓`}</option>,
      ])}
    </select>
  )
}
