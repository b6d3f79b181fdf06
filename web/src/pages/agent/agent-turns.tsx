import { useEffect } from 'preact/hooks'
import { api } from '../../api/client.ts'
import type { Agent, FleetEvent, Turn } from '../../api/types.ts'
import { useQuery } from '../../app/query.ts'
import { navigate, paths } from '../../app/router.ts'
import { AskBox } from '../../parts/ask-box/ask-box.tsx'
import { TurnBadge } from '../../parts/badge.tsx'
import { Card, Skeleton } from '../../parts/layout.tsx'
import { ErrorNote } from '../../parts/note.tsx'
import { Took } from '../../parts/took.tsx'
import { RelativeTime } from '../../parts/relative-time.tsx'
import { cost, tokens } from '../../words/format.ts'

/** Number of turns that are listed. */
const limit = 50
/** Time between two requests for the list while turns begin and end, in ms. */
const pauseMs = 1_000

interface AgentTurnsProps {
  id: string
  /** Agent, once it was read. */
  agent: Agent | undefined
  events: readonly FleetEvent[]
}

/** Box to ask the agent something, and its turns, the newest first. The list follows the events of the agent. */
export function AgentTurns({ id, agent, events }: AgentTurnsProps) {
  const { data, error, isLoading, reload } = useQuery(`turns of ${id}`, (signal) =>
    api.turns({ agent: id, limit }, signal),
  )
  const last = events.findLast(({ type }) => type.startsWith('turn.'))?.seq
  useLater(reload, last, pauseMs)
  const turns = data?.items ?? []
  return (
    <Card title="Turns">
      {agent && (
        <div class="agent-ask">
          <AskBox agent={agent} onAsked={({ turn_id }) => navigate(paths.turn(turn_id))} />
        </div>
      )}
      {error && <ErrorNote error={error} onRetry={reload} />}
      {!data && isLoading && <Skeleton lines={4} />}
      {data && turns.length === 0 && <p class="muted">No turn of this agent is kept.</p>}
      {turns.length > 0 && <TurnTable turns={turns} />}
    </Card>
  )
}

/** Calls a function some time after a value has changed; not for `undefined`. */
function useLater(call: () => void, value: number | undefined, ms: number): void {
  useEffect(() => {
    if (value === undefined) return undefined
    const timer = setTimeout(call, ms)
    return () => clearTimeout(timer)
  }, [value, call, ms])
}

const TurnTable = ({ turns }: { turns: readonly Turn[] }) => (
  <div class="table-frame" tabIndex={0} role="region" aria-label="Turns of the agent">
    <table class="table agent-turns">
      <thead>
        <tr>
          <th scope="col">Turn</th>
          <th scope="col">Outcome</th>
          <th scope="col">Began</th>
          <th scope="col" class="numeric">
            Took
          </th>
          <th scope="col" class="numeric">
            Tokens
          </th>
          <th scope="col" class="numeric">
            Cost
          </th>
        </tr>
      </thead>
      <tbody>
        {turns.map((turn) => (
          <TurnRow key={turn.turn_id} turn={turn} />
        ))}
      </tbody>
    </table>
  </div>
)

function TurnRow({ turn }: { turn: Turn }) {
  const { turn_id: id, created_at: created, usage } = turn
  return (
    <tr data-turn-id={id}>
      <td>
        <a href={paths.turn(id)}>
          <code>{id.slice(0, 12)}</code>
        </a>
      </td>
      <td>
        <TurnBadge turn={turn} />
      </td>
      <td>
        <RelativeTime at={Date.parse(created)} />
      </td>
      <td class="numeric">
        <Took turn={turn} />
      </td>
      <td class="numeric">{tokens(usage.input_tokens + usage.output_tokens)}</td>
      <td class="numeric">{cost(usage.cost_usd)}</td>
    </tr>
  )
}
