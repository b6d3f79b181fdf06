import type { AgentStatus } from '../../api/types.ts'
import { statesByAttention, type Column, type FleetQuery } from './fleet-query.ts'

/** Returns the agents that a query shows, in its order. Agents of equal rank stay in the order of their ids. */
export function shownAgents(
  agents: readonly AgentStatus[],
  query: FleetQuery,
  hosts: ReadonlyMap<string, string> = new Map(),
): readonly AgentStatus[] {
  const words = query.text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
  const shown = agents.filter((agent) => isShown(agent, words, hosts.get(agent.id)))
  const compare = comparisons[query.sort]
  const sign = query.isDescending ? -1 : 1
  return shown.sort((a, b) => sign * compare(a, b) || byText(a.id, b.id))
}

function isShown(agent: AgentStatus, words: readonly string[], host: string | undefined): boolean {
  const text = [
    agent.id,
    agent.tenant,
    host,
    agent.state,
    agent.reason,
    agent.error?.code,
    agent.error?.message,
  ]
    .join('\n')
    .toLowerCase()
  return words.every((word) => text.includes(word))
}

type Comparison = (a: AgentStatus, b: AgentStatus) => number

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const byNumber =
  (of: (agent: AgentStatus) => number): Comparison =>
  (a, b) =>
    of(a) - of(b)

const comparisons: Readonly<Record<Column, Comparison>> = {
  id: (a, b) => byText(a.id, b.id),
  state: (a, b) => attention(a) - attention(b),
  memory: byNumber(({ memory_mb = 0 }) => memory_mb),
  turns: (a, b) => a.turns.running - b.turns.running || a.turns.queued - b.turns.queued,
  requests: byNumber(({ open_requests }) => open_requests),
  restarts: byNumber(({ restarts }) => restarts),
  used: byNumber(({ last_used_at = 0 }) => last_used_at),
  error: (a, b) => byText(a.error?.code ?? '\uffff', b.error?.code ?? '\uffff'),
}

/** Returns the rank of an agent by the attention that it needs: failed ones, then those that ask, then by state. */
function attention({ state, open_requests }: AgentStatus): number {
  if (state === 'failed') return -2
  return open_requests > 0 ? -1 : statesByAttention.indexOf(state)
}
