import type { FleetState } from './fleet-state.ts'
import { shareOf } from './fleet-state.ts'
import { kindOf } from './types.ts'

/** Part of the newest duration in the mean. */
const newest = 0.1

/** Returns the mean with one more duration, in ms. */
export const withDuration = (meanMs: number | undefined, ms: number): number =>
  meanMs === undefined ? ms : meanMs + (ms - meanMs) * newest

/** Returns how long a turn takes: the mean of ended turns, or else of the ages of running turns; in ms. */
export function meanTurnMs({ meanMs, running }: FleetState, now: number): number {
  if (meanMs !== undefined) return meanMs
  const ages: number[] = []
  for (const { item, startedAt } of running.values())
    if (kindOf(item) === 'turn') ages.push(Math.max(0, now - startedAt))
  return ages.length === 0 ? 0 : ages.reduce((sum, age) => sum + age, 0) / ages.length
}

/** Returns how long a further turn would wait, in ms: for a place under the tightest of its limits. */
export function waitMs(state: FleetState, agentId: string, tenantName: string, now: number): number {
  const agent = state.agents.get(agentId)
  const tenant = state.tenants.get(tenantName)
  const share = tenant?.share ?? shareOf(state, tenantName)
  const isActive = tenant !== undefined && tenant.running + tenant.queued > 0
  const weights = state.activeWeight + (isActive ? 0 : share.weight)
  const places = (state.limits.maxRunningTurns * share.weight) / weights
  const own = { running: tenant?.running ?? 0, queued: tenant?.queued ?? 0 }
  const isFull = state.runningTurns >= state.limits.maxRunningTurns
  const rounds = [
    1,
    agent ? roundsOf(agent, agent.maxRunningTurns) : 0,
    roundsOf(own, share.maxRunningTurns),
    isFull ? (own.queued + 1) / places : 0,
  ]
  return Math.round(Math.max(...rounds) * meanTurnMs(state, now))
}

/** Returns how many mean turns a further turn would wait under a limit. */
function roundsOf({ running, queued }: { running: number; queued: number }, max: number): number {
  return Math.max(0, queued + 1 - Math.max(0, max - running)) / Math.max(1, max)
}
