import type { AgentStatus, FleetStatus, Load } from '../../api/fleet/types.ts'
import { isUnscoped, sees, type Caller } from '../access/caller.ts'

/** States of a server that starts. */
const starting = new Set(['configuring', 'spawning', 'probing'])

/**
 * Returns the status of a fleet as far as a caller may see it. Numbers of the whole fleet are those of the agents that
 * the caller sees, so that they tell nothing about others; the limits stay.
 */
export function visibleStatus(status: FleetStatus, caller: Caller): FleetStatus {
  if (isUnscoped(caller)) return status
  const agents = status.agents.filter((agent) => sees(caller, agent))
  const { servers, memory } = status
  const tenants = Object.entries(status.tenants).flatMap(([name, { weight, turns }]) => {
    const own = agents.filter(({ tenant }) => tenant === name)
    return own.length === 0 ? [] : [[name, { weight, turns: sumOf(own, turns.max) }] as const]
  })
  return {
    at: status.at,
    servers: {
      running: agents.filter(({ state }) => state === 'healthy').length,
      starting: agents.filter(({ state }) => starting.has(state)).length,
      max: servers.max,
    },
    turns: sumOf(agents, status.turns.max),
    memory: {
      usedMb: agents.reduce((sum, { memoryMb = 0 }) => sum + memoryMb, 0),
      budgetMb: memory.budgetMb,
    },
    agents,
    tenants: Object.fromEntries(tenants),
  }
}

/** Returns the number of turns of some agents. */
const sumOf = (agents: readonly AgentStatus[], max: number): Load => ({
  running: agents.reduce((sum, { turns }) => sum + turns.running, 0),
  queued: agents.reduce((sum, { turns }) => sum + turns.queued, 0),
  max,
})
