import type { Lifecycle, LifecycleState } from '../../machines/lifecycle.ts'
import type { PendingRequest, TurnErrorCode, Usage } from '../../replies.ts'

/** Number of turns of a fleet, a tenant or an agent. */
export interface Load {
  /** Number of turns that run. */
  running: number
  /** Number of turns that wait in the fleet's queue. */
  queued: number
  /** Maximum number of turns that run at the same time. */
  max: number
}

/** Status of a fleet at one moment. */
export interface FleetStatus {
  /** Time of the status, in epoch ms. */
  at: number
  /** Number of servers that are healthy, number of servers that start, and the limit of both together. */
  servers: { running: number; starting: number; max: number }
  /** Number of turns of the whole fleet. */
  turns: Load
  /** Memory of all servers, measured or reserved, and the fleet's limit, in MiB. */
  memory: { usedMb: number; budgetMb: number }
  /** Status of every agent. The object of an agent stays the same while nothing of it changes. */
  agents: readonly AgentStatus[]
  /** Weight and turns of each tenant that has agents, by name. */
  tenants: Record<string, { weight: number; turns: Load }>
}

/** Status of an agent at one moment. */
export interface AgentStatus {
  /** Id of the agent. */
  id: string
  /** Tenant of the agent. */
  tenant: string
  /** State of the agent's server; `idle` for an agent without a server. */
  state: LifecycleState
  /** Reason of the state, if any. */
  reason?: string
  /** Number of restarts since the agent's server was started for the first time in this fleet. */
  restarts: number
  /** Number of turns of the agent. */
  turns: Load
  /** Memory of the server's whole process tree, in MiB, if measured. */
  memoryMb?: number
  /** Number of open requests of the agent's turns, which wait for an answer. */
  openRequests: number
  /** Time of the last turn or session call, in epoch ms; absent for an agent that was not used in this fleet. */
  lastUsedAt?: number
  /** Error of a failed server, or of an agent whose record is faulty. */
  error?: { code: string; message: string }
}

/** Event of a fleet, of one agent. `seq` grows by one with each event of the fleet. */
export type FleetEvent = {
  /** Number of the event: 1 for the first event of the fleet, and one more for each further event. */
  seq: number
  /** Time of the event, in epoch ms. */
  at: number
  agentId: string
  tenant: string
} & (
  | { type: 'agent.added' | 'agent.changed' | 'agent.removed' }
  | { type: 'agent.lifecycle'; lifecycle: Lifecycle }
  | { type: 'agent.evicted'; reason: 'place' | 'memory' | 'idle' }
  | { type: 'turn.queued' | 'turn.started'; turnId: string; traceId: string | null }
  | {
      type: 'turn.ended'
      turnId: string
      traceId: string | null
      code: 'final' | TurnErrorCode
      usage: Usage
    }
  | { type: 'request.opened'; turnId: string; pending: PendingRequest }
  | { type: 'request.closed'; turnId: string; requestId: string; by: 'answer' | 'timeout' | 'turn' }
)
