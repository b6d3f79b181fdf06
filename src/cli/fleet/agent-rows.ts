import type { AgentStatus } from '../../api/fleet/types.ts'
import { printable, type Style } from '../log-entries.ts'
import type { Column } from './table.ts'
import { ago, mebibytes } from './units.ts'

const stateStyles: Partial<Record<AgentStatus['state'], Style>> = {
  idle: 'dim',
  configuring: 'cyan',
  spawning: 'cyan',
  probing: 'cyan',
  healthy: 'green',
  reaping: 'yellow',
  failed: 'red',
}

/** Returns agents with the failed ones first, then those with work, then the most recently used, then by id. */
export const inOrder = (agents: readonly AgentStatus[]): AgentStatus[] =>
  [...agents].sort(
    (a, b) =>
      groupOf(a) - groupOf(b) ||
      (b.lastUsedAt ?? 0) - (a.lastUsedAt ?? 0) ||
      (a.id < b.id ? -1 : a.id > b.id ? 1 : 0),
  )

function groupOf({ state, error, turns, openRequests }: AgentStatus): number {
  if (isFailed({ state, error })) return 0
  return turns.running + turns.queued + openRequests > 0 ? 1 : 2
}

/** Returns whether an agent cannot work: its server has failed, or its record is faulty. */
export const isFailed = ({ state, error }: Pick<AgentStatus, 'state'> & { error?: unknown }): boolean =>
  state === 'failed' || (state === 'idle' && error !== undefined)

/** Returns the columns of the table of agents. */
export const agentColumns = (now: number): Column<AgentStatus>[] => [
  { title: 'agent', text: ({ id }) => id },
  { title: 'tenant', text: ({ tenant }) => tenant, rank: 5 },
  { title: 'state', text: ({ state }) => state, style: (agent) => stateStyle(agent) },
  { title: 'running', text: ({ turns }) => ofMax(turns.running, turns.max), isNumber: true, rank: 1 },
  { title: 'queued', text: ({ turns }) => countOf(turns.queued), isNumber: true, rank: 2 },
  {
    title: 'memory',
    text: ({ memoryMb }) => (memoryMb === undefined ? '' : mebibytes(memoryMb)),
    isNumber: true,
    rank: 4,
  },
  { title: 'restarts', text: ({ restarts }) => countOf(restarts), isNumber: true, rank: 7 },
  {
    title: 'requests',
    text: ({ openRequests }) => countOf(openRequests),
    style: () => 'yellow',
    isNumber: true,
    rank: 6,
  },
  {
    title: 'last used',
    text: ({ lastUsedAt }) => (lastUsedAt === undefined ? '' : ago(lastUsedAt, now)),
    isNumber: true,
    rank: 3,
  },
  {
    title: 'reason',
    text: reasonOf,
    style: (agent) => (isFailed(agent) ? 'red' : 'dim'),
    isRest: true,
    rank: 8,
  },
]

const stateStyle = (agent: AgentStatus): Style | undefined =>
  isFailed(agent) ? 'red' : stateStyles[agent.state]

const countOf = (count: number): string => (count === 0 ? '' : String(count))

const ofMax = (count: number, max: number): string => (count === 0 ? '' : `${count}/${max}`)

/** Returns why an agent is in its state, on one line: its error, or the reason of the state. */
export function reasonOf({ reason, error }: AgentStatus): string {
  const text = error === undefined ? (reason ?? '') : `${error.code}: ${error.message}`
  return printable(text).replace(/\s+/g, ' ').trim()
}
