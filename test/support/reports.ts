import type { AgentStatus, FleetEvent, FleetStatus } from '../../src/api/fleet/types.ts'
import { reportForm, type FleetReport } from '../../src/cluster/reports/fleet-report.ts'

/** Returns the status of an agent of the tenant `acme`. */
export const agentStatusOf = (id: string, more: Partial<AgentStatus> = {}): AgentStatus => ({
  ...{ id, tenant: 'acme', state: 'idle', restarts: 0, openRequests: 0 },
  turns: { running: 0, queued: 0, max: 16 },
  ...more,
})

/** Returns the status of a fleet with some agents. */
export const fleetStatusOf = (agents: readonly AgentStatus[]): FleetStatus => ({
  at: 1,
  servers: { running: 1, starting: 0, max: 4 },
  turns: { running: 2, queued: 1, max: 8 },
  memory: { usedMb: 100, budgetMb: 1_000 },
  agents,
  tenants: { acme: { weight: 2, turns: { running: 2, queued: 1, max: 3 } } },
})

/** Returns the event that a turn of an agent of the tenant `acme` has begun. */
export const startedEvent = (agentId: string, turnId = 't1', seq = 1): FleetEvent => ({
  ...{ seq, at: 5, agentId, tenant: 'acme', type: 'turn.started', turnId, traceId: null },
})

/** Returns a report of a host, the first one by default. */
export function reportOf(more: Partial<FleetReport> = {}): FleetReport {
  const { agents: _agents, at: _at, ...totals } = fleetStatusOf([])
  return { ...{ form: reportForm, run: 'r1', number: 1, events: [], agents: [], totals }, ...more }
}
