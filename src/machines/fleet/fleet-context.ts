import type { DoneActorEvent, ErrorActorEvent } from 'xstate'
import type { TurnCause } from '../../actors/turn/refusal.ts'
import type { CompiledFleetOptions } from '../../config/compiled-fleet.ts'
import type { CompiledOptions } from '../../config/options.ts'
import type { OpenCodeRuntimeError } from '../../errors.ts'
import { FleetHandle } from '../../actors/fleet/fleet-runtime.ts'
import type { AgentReport } from '../context.ts'
import { FairQueue } from '../fair-queue.ts'
import { AgentTable, type FleetAgent } from './agent-table.ts'

/** Context of a fleet machine: plain data. Specs, secrets and the store are beside the machine, behind `runtime`. */
export interface FleetContext {
  /** Options of the fleet; opaque. */
  readonly options: CompiledFleetOptions
  /** Handle of the state beside the machine; opaque. */
  readonly runtime: FleetHandle
  readonly agents: AgentTable
  /** Order of all turns. */
  readonly queue: FairQueue
  /** Number of uses of servers so far, for the order of their last uses. */
  readonly uses: number
  /** Number of agents that have a server's actor. */
  readonly active: number
  /** Cause of the failure of the fleet; `undefined` for a fleet that works. */
  readonly error: OpenCodeRuntimeError | undefined
}

/** Part of an agent's spec that the fleet's decisions use. */
export type AgentSettings = Pick<
  FleetAgent,
  'id' | 'tenant' | 'maxRunningTurns' | 'maxQueuedTurns' | 'memoryMb'
>

/** Events of a fleet machine: commands in the imperative, facts in the past. */
export type FleetMachineEvent =
  | AgentReport
  /** The records of the fleet are known. */
  | { type: 'store.opened'; agents: readonly AgentSettings[] }
  | { type: 'store.failed'; error: OpenCodeRuntimeError }
  /** Agents were declared, and their records are durable. */
  | { type: 'agents.put'; agents: readonly AgentSettings[] }
  /** An agent was removed; running turns may finish for up to `drainMs`. */
  | { type: 'agent.remove'; agentId: string; drainMs: number; deletesHome?: true }
  /** Starts the actor of an agent's server, which starts no process yet. */
  | { type: 'agent.activate'; agentId: string; options: CompiledOptions }
  /** Ends the actor of an agent's server that was started, but is not used. */
  | { type: 'agent.release'; agentId: string }
  /** Stops all servers; running turns may finish for up to `drainMs`. */
  | { type: 'fleet.close'; drainMs?: number }
  /** The actor of a server ended, or failed with a defect. */
  | DoneActorEvent
  | ErrorActorEvent

/** Events that a fleet machine emits: `actor.on('agent.evicted', …)`. */
export type FleetEmitted =
  | { type: 'agent.added' | 'agent.changed'; agentId: string; tenant: string }
  /** With `deletesHome`, the home of the agent is deleted next. */
  | { type: 'agent.removed'; agentId: string; tenant: string; drainMs: number; deletesHome: boolean }
  /** The actor of an agent's server was started, which may be later than its `agent.activate`. */
  | { type: 'agent.activated'; agentId: string }
  | { type: 'agent.evicted'; agentId: string; tenant: string; reason: EvictionReason }
  /** The server of an agent reported or is gone, and the fleet has decided what follows. */
  | { type: 'agent.reported'; agentId: string }

/** Reason of the end of an agent's server: another agent needs its place or its memory, or the server is not in use. */
export type EvictionReason = 'place' | 'memory' | 'idle'

/** Returns the context of a fleet whose agents are not known yet. */
export function initialFleet(options: CompiledFleetOptions): FleetContext {
  const { limits, tenants } = options.values
  return {
    options,
    runtime: new FleetHandle(options),
    agents: AgentTable.empty,
    queue: FairQueue.of(limits, tenants, { weight: 1, ...limits }),
    uses: 0,
    active: 0,
    error: undefined,
  }
}

/** Returns an agent without a server's actor. */
export const coldAgent = (settings: AgentSettings): FleetAgent => ({
  ...settings,
  stage: 'cold',
  calls: 0,
  lastUse: 0,
  permittedAt: 0,
  healthyAt: 0,
})

/** Cause of the end of turns of a fleet that is closed. */
export const fleetClosed: TurnCause = { code: 'cancelled', error: 'The fleet was closed' }

/** Cause of the end of turns of an agent that is removed. */
export const agentRemoved: TurnCause = { code: 'cancelled', error: 'The agent was removed' }
