import { useNow } from '../../live/use-value.ts'
import type { ComponentChildren } from 'preact'
import type { Agent, AgentStatus } from '../../api/types.ts'
import { RelativeTime } from '../../parts/relative-time.tsx'
import { textNodes } from '../../parts/text/inline-text.tsx'
import { StateBadge } from '../../parts/badge.tsx'
import { bytes, duration, exact } from '../../words/format.ts'
import type { Present } from './time-line.ts'

interface AgentFactsProps {
  agent: Agent | undefined
  status: AgentStatus
  present: Present
  /** Host on which the agent lives, in a cluster. */
  host: string | undefined
}

/** Facts about an agent and its server, in one row. */
export function AgentFacts({ agent, status, present: { since, pid }, host }: AgentFactsProps) {
  const { state, turns, memory_mb: memory, restarts, tenant, last_used_at: used } = status
  const now = useNow()
  const labels = Object.entries(labelsOf(agent))
  return (
    <dl class="agent-facts">
      <Fact name="State">
        <StateBadge state={state} />
        {since !== undefined && (
          <span class="agent-since" title={exact(since)}>
            for {duration(now - since)}
          </span>
        )}
      </Fact>
      <Fact name="Turns">
        {turns.running} of {turns.max} running{turns.queued > 0 && `, ${turns.queued} waiting`}
      </Fact>
      <Fact name="Memory">{memory === undefined ? none : bytes(memory)}</Fact>
      <Fact name="Restarts">{restarts}</Fact>
      <Fact name="Process">{pid === undefined ? none : `pid ${pid}`}</Fact>
      <Fact name="Last used">{used === undefined ? none : <RelativeTime at={used} />}</Fact>
      <Fact name="Tenant">{tenant}</Fact>
      {host && <Fact name="Host">{host}</Fact>}
      {labels.length > 0 && (
        <Fact name="Labels">
          {labels.map(([name, value]) => (
            <span key={name} class="agent-label">
              {textNodes(`${name}=${value}`)}
            </span>
          ))}
        </Fact>
      )}
    </dl>
  )
}

/** Returns the labels of an agent; its spec is told to the view without a type. */
const labelsOf = (agent: object | undefined): Record<string, string> =>
  (agent as { labels?: Record<string, string> } | undefined)?.labels ?? {}

const none = <span class="muted">–</span>

const Fact = ({ name, children }: { name: string; children: ComponentChildren }) => (
  <div class="agent-fact">
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
)
