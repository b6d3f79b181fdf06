import type { AgentStatus } from '../../api/types.ts'
import { serverStates } from '../../words/states.ts'
import { whole } from '../../words/format.ts'
import { Shape } from '../../parts/badge.tsx'
import { statesByAttention, toggledState, type FleetQuery } from './fleet-query.ts'
import { stateCounts } from './fleet-rows.ts'

interface FilterProps {
  agents: readonly AgentStatus[]
  query: FleetQuery
  onChange: (query: FleetQuery) => void
}

/**
 * Filter of the table of agents: text, and states.
 *
 * @param shown - number of agents that the filter lets through
 */
export function FleetFilter({ shown, ...props }: FilterProps & { shown: number }) {
  const { agents, query, onChange } = props
  const of = shown === agents.length ? '' : ` of ${whole(agents.length)}`
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
      <StateChips {...props} />
      <p class="fleet-count" role="status">
        {`${whole(shown)}${of} agents`}
      </p>
    </div>
  )
}

/** One button for each state that any agent has, with the number of agents. */
function StateChips({ agents, query, onChange }: FilterProps) {
  const counts = stateCounts(agents)
  const shown = statesByAttention.filter((state) => counts.has(state) || query.states.includes(state))
  return (
    <div class="fleet-chips" role="group" aria-label="Filter by state">
      {shown.map((state) => (
        <button
          key={state}
          type="button"
          class="fleet-chip"
          aria-pressed={query.states.includes(state)}
          onClick={() => onChange(toggledState(query, state))}
        >
          <Shape tone={serverStates[state].tone} />
          {serverStates[state].word} <b class="number">{counts.get(state) ?? 0}</b>
        </button>
      ))}
    </div>
  )
}
