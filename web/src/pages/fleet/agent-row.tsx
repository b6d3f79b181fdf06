import { useValue } from '../../live/use-value.ts'
import type { AgentStatus } from '../../api/types.ts'
import { paths } from '../../app/router.ts'
import { agentOf } from '../../live/store.ts'
import { RelativeTime } from '../../parts/relative-time.tsx'
import { Badge, StateBadge } from '../../parts/badge.tsx'
import { textNodes } from '../../parts/text/inline-text.tsx'
import { visibleText } from '../../parts/text/visible.ts'
import { bytes } from '../../words/format.ts'

interface RowProps {
  id: string
  /** Host on which the agent lives, in a cluster. */
  host: string | undefined
  /** Host of the gateway. */
  ownHost: string | null
  rowIndex: number
}

/** Row of an agent, which follows this agent alone. */
export function AgentRow({ id, host, ownHost, rowIndex }: RowProps) {
  const agent = useValue(agentOf(id))
  return (
    <div role="row" class="fleet-row" aria-rowindex={rowIndex} data-agent-id={id}>
      <div role="cell" class="fleet-cell column-id">
        <a class="fleet-link" href={paths.agent(id)} title={id}>
          {id}
        </a>
        {agent && (
          <span class="fleet-tenant" title={host}>
            {agent.tenant}
            {host && ` on ${host}`}
          </span>
        )}
      </div>
      {agent && (
        <Cells agent={agent} isElsewhere={host !== undefined && host !== ownHost && host !== agent.host_id} />
      )}
    </div>
  )
}

function Cells({ agent, isElsewhere }: { agent: AgentStatus; isElsewhere: boolean }) {
  const { state, reason, memory_mb, turns, open_requests, restarts, last_used_at, error } = agent
  return (
    <>
      <div role="cell" class="fleet-cell column-state">
        {isElsewhere ? <Badge tone="idle">Elsewhere</Badge> : <StateBadge state={state} />}
        {reason !== undefined && (
          <span class="fleet-reason" title={reason}>
            {reason}
          </span>
        )}
      </div>
      <div role="cell" class="fleet-cell column-memory" data-numeric="true">
        {memory_mb === undefined ? <None /> : bytes(memory_mb)}
      </div>
      <div role="cell" class="fleet-cell column-turns" data-numeric="true">
        {turns.running === 0 && turns.queued === 0 ? <None /> : <Turns {...turns} />}
      </div>
      <div role="cell" class="fleet-cell column-requests" data-numeric="true">
        {open_requests === 0 ? (
          <None />
        ) : (
          <a class="fleet-asks" href={paths.approvals}>
            {open_requests} open
          </a>
        )}
      </div>
      <div role="cell" class="fleet-cell column-restarts" data-numeric="true">
        {restarts === 0 ? <None /> : restarts}
      </div>
      <div role="cell" class="fleet-cell column-used" data-numeric="true">
        {last_used_at === undefined ? <None /> : <RelativeTime at={last_used_at} />}
      </div>
      <div role="cell" class="fleet-cell column-error" title={error && visibleText(error.message)}>
        {error ? textNodes(error.message) : <None />}
      </div>
    </>
  )
}

const Turns = ({ running, queued }: { running: number; queued: number }) => (
  <>
    {running} <span class="fleet-word">running</span>
    {queued > 0 && <span class="fleet-queued"> +{queued} waiting</span>}
  </>
)

/** Sign of a cell without a value. */
const None = () => (
  <span class="fleet-none">
    <span aria-hidden="true">–</span>
    <span class="visually-hidden">none</span>
  </span>
)
