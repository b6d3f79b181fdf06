import { useCluster } from '../../live/use-cluster.ts'
import { useValue } from '../../live/use-value.ts'
import { useMemo } from 'preact/hooks'
import { api } from '../../api/client.ts'
import { useQuery } from '../../app/query.ts'
import { paths } from '../../app/router.ts'
import { useTitle } from '../../app/title.ts'
import { agentOf, agentIds, eventsOf } from '../../live/store.ts'
import { Empty, PageHead } from '../../parts/layout.tsx'
import { ErrorNote, Note } from '../../parts/note.tsx'
import { AgentActions } from './agent-actions.tsx'
import { AgentFacts } from './agent-facts.tsx'
import { AgentLog } from './agent-log.tsx'
import { AgentTurns } from './agent-turns.tsx'
import { InsideCard } from './inside-card.tsx'
import { LifeChart } from './life-chart.tsx'
import { presentOf, timeLineOf } from './time-line.ts'
import { TimeLine } from './time-line-card.tsx'
import { OpenRequests, Trouble } from './trouble.tsx'
import './agent.css'

/** Page of one agent: its state and how the state came about, its turns, and its log. */
export function AgentPage({ id }: { id: string }) {
  useTitle(id)
  const status = useValue(agentOf(id))
  const events = useValue(eventsOf(id))
  const ids = useValue(agentIds)
  const entries = useMemo(() => timeLineOf(events), [events])
  const { data: agent, error } = useQuery(`agent ${id}`, (signal) => api.agent(id, signal))
  const cluster = useCluster()
  if (error?.status === 404 && !ids.includes(id)) return <Unknown id={id} />
  const { isInCluster } = cluster
  const host = cluster.homes.get(id)
  const isHere = !isInCluster || host === cluster.host_id
  const shown = status ?? agent?.status
  const present = shown && presentOf(entries, shown.state)
  return (
    <div class="agent-page">
      <PageHead title={id} actions={shown && isHere && <AgentActions status={shown} />} />
      {error && error.status !== 404 && <ErrorNote error={error} />}
      {!isHere && (
        <Note tone="idle">
          {host
            ? `The agent lives on ${host}, whose gateway shows its log, and starts and stops it.`
            : 'No host has the agent: it starts with its next turn.'}
        </Note>
      )}
      {shown && present && (
        <AgentFacts
          agent={agent}
          status={shown}
          present={present}
          host={isInCluster ? (host ?? 'none') : undefined}
        />
      )}
      {shown && <Trouble status={shown} />}
      {shown && <OpenRequests count={shown.open_requests} />}
      <div class="agent-grid">
        <div class="agent-column">
          <div class="agent-late">
            <LifeChart state={shown?.state} entries={entries} />
          </div>
          <div class="agent-late">
            <AgentLog id={id} state={shown?.state} />
          </div>
        </div>
        <div class="agent-column">
          <TimeLine entries={entries} />
          <AgentTurns id={id} agent={agent} events={events} />
        </div>
      </div>
      <InsideCard state={shown?.state} />
    </div>
  )
}

const Unknown = ({ id }: { id: string }) => (
  <>
    <PageHead title={id} />
    <Empty title="No such agent">
      <p>The fleet has no agent with this id, or the token may not see the agent.</p>
      <p>
        <a href={paths.fleet}>All agents</a>
      </p>
    </Empty>
  </>
)
