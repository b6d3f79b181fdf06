import { hostsUp } from '../liveness.ts'
import { agentOf } from '../store/cluster-store.ts'
import { hasClaimable } from './claimable.ts'
import type { HostContext } from './host-context.ts'

/** Difference of agents between two tenants from which a full host gives up a busy agent of the larger one. */
const unfair = 2

/** Returns the agent that should be claimed first: of the tenant with the fewest agents here, the one that waits longest. */
export function firstWaiting(context: HostContext): string | undefined {
  const counts = agentsByTenant(context)
  const rankOf = (key: string): number => counts.get(agentOf(key).tenant) ?? 0
  let best: readonly [key: string, rank: number, since: number] | undefined
  for (const [key, since] of context.waiting.entries()) {
    const rank = rankOf(key)
    if (!best || rank < best[1] || (rank === best[1] && since < best[2])) best = [key, rank, since]
  }
  return best?.[0]
}

/** Returns the idle agent that had no turn for the longest time. */
export const longestIdle = (context: HostContext): string | undefined => oldestOf(context, 'idle')

/**
 * Returns the busy agent that a full host gives up for an agent of a tenant: one of the tenant with the most agents here, if
 * it has clearly more than that of the waiting agent. Its running turns finish, and its waiting ones run when there is room.
 */
export function busyVictim(context: HostContext, key: string): string | undefined {
  const stages = [...context.placements.values()].map(({ stage }) => stage)
  if (stages.includes('ending')) return undefined
  const counts = agentsByTenant(context)
  const [largest, count] = [...counts].reduce((most, each) => (each[1] > most[1] ? each : most), ['', 0])
  const own = counts.get(agentOf(key).tenant) ?? 0
  return count >= own + unfair ? oldestOf(context, 'busy', largest) : undefined
}

function agentsByTenant({ placements }: HostContext): Map<string, number> {
  const counts = new Map<string, number>()
  for (const key of placements.keys()) {
    const { tenant } = agentOf(key)
    counts.set(tenant, (counts.get(tenant) ?? 0) + 1)
  }
  return counts
}

function oldestOf({ placements }: HostContext, stage: 'idle' | 'busy', tenant?: string): string | undefined {
  let oldest: readonly [key: string, since: number] | undefined
  for (const [key, placement] of placements.entries()) {
    if (placement.stage !== stage || (tenant !== undefined && agentOf(key).tenant !== tenant)) continue
    if (!oldest || placement.since < oldest[1]) oldest = [key, placement.since]
  }
  return oldest?.[0]
}

/** Part above its share from which a host gives idle agents away, and the number of agents beyond that. */
const clearlyMore = { part: 1.25, agents: 1 }
/** Part of its share below which a host gets agents of all that have more than theirs. */
const clearlyLess = 0.5

/**
 * Returns an idle agent of this host, and the host that should have it; `undefined` if no agent should move. An agent moves
 * only if this host has clearly more than its share by capacity, or more than that while another one has clearly less, to a
 * host that does not get more than its own share by that, so that no agent moves back. Agents that were given away count
 * for their next host.
 */
export function rebalancing(context: HostContext, now: number): { key: string; next: string } | undefined {
  const { rebalances, placements, hostId, leaseMs, roster } = context
  if (!rebalances || hasClaimable(context, now)) return undefined
  const key = longestIdle(context)
  if (key === undefined || now - (placements.get(key)?.since ?? now) < leaseMs) return undefined
  const loads = loadsOf(context)
  const hosts = hostsUp(roster, now).map(({ id, record: { max } }) => ({ id, max, load: loads.get(id) ?? 0 }))
  const [total, capacity] = [sum(hosts.map(({ load }) => load)), sum(hosts.map(({ max }) => max))]
  const shareOf = (max: number): number => (total * max) / capacity
  const isOneEmpty = hosts.some(({ max, load }) => load < shareOf(max) * clearlyLess)
  const isOver = ({ max, load }: Loaded): boolean =>
    load > shareOf(max) * clearlyMore.part + clearlyMore.agents || (isOneEmpty && load >= shareOf(max) + 1)
  const over = hosts.filter(isOver).sort(byLoad)
  const place = over.findIndex(({ id }) => id === hostId)
  if (place < 0) return undefined
  // The others that have too many decide at the same moment: the last one of them must fit too.
  const coming = place === over.length - 1 ? 1 : over.length
  const able = hosts.filter((host) => !over.includes(host) && host.load + coming <= shareOf(host.max))
  const next = able.sort(byLoad)[0]
  return next && { key, next: next.id }
}

/** Host with its capacity, and the number of its agents. */
interface Loaded {
  readonly id: string
  readonly max: number
  readonly load: number
}

const byLoad = (a: Loaded, b: Loaded): number => a.load / a.max - b.load / b.max || (a.id < b.id ? -1 : 1)

/** Returns the numbers of agents of each host: those that it has, and those that it is given. */
function loadsOf({ places, placements, hostId }: HostContext): Map<string, number> {
  const loads = new Map<string, number>([[hostId, placements.size]])
  for (const { record } of places.values()) {
    const id = record.hostId ?? record.next
    if (id !== undefined && id !== hostId) loads.set(id, (loads.get(id) ?? 0) + 1)
  }
  return loads
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
