import { fleetRuntimeOf, type FleetRuntime } from '../../actors/fleet/fleet-runtime.ts'
import { homeOwnerOf } from '../../config/agent-user.ts'
import { agentDefaults, homeOf, runningCapOf } from '../../config/compiled-fleet.ts'
import { mergeLayers } from '../../config/agent-layers.ts'
import { agentLimits } from '../../config/agent-limits.ts'
import type { AgentSpec, FleetDefaults } from '../../config/fleet-options.ts'
import { readLogTail } from '../../io/process/log-tail.ts'
import type { ApplyResult, Revise } from './declare.ts'
import { fleetParts, type Fleet } from './fleet.ts'
import type { AgentStatus } from './types.ts'

const runtimeOfFleet = (fleet: Fleet): FleetRuntime =>
  fleetRuntimeOf(fleet.actor.getSnapshot().context.runtime)

/** Returns the folder of a fleet's homes. */
export const dataDirOf = (fleet: Fleet): string => runtimeOfFleet(fleet).options.values.dataDir

/** Returns the kept specs of a fleet's agents, by id, with their secrets. They must not leave the process. */
export const keptSpecs = (fleet: Fleet): ReadonlyMap<string, AgentSpec> => runtimeOfFleet(fleet).specs

/** Returns the options of all agents of a fleet, with their secrets. They must not leave the process. */
export const defaultsOf = (fleet: Fleet): FleetDefaults => agentDefaults(runtimeOfFleet(fleet).options)

/** Returns the tenant of an agent that a fleet keeps. */
export const tenantOf = (fleet: Fleet, spec: AgentSpec): string =>
  agentLimits(runtimeOfFleet(fleet).options, spec).tenant

/** Returns the limit of running turns that a fleet's options name for a tenant; `undefined` without one. */
export const tenantCapOf = (fleet: Fleet, tenant: string): number | undefined =>
  runningCapOf(runtimeOfFleet(fleet).options, tenant)

/** Returns the status of an agent; `undefined` for an unknown agent. */
export const agentStatus = (fleet: Fleet, id: string): AgentStatus | undefined =>
  fleetParts(fleet).board.statusOf(id)

/**
 * Declares and removes agents as a function of the kept specs says. No other change of these agents comes between, so
 * that a change of single fields loses no other change. An error of the function changes nothing.
 *
 * @param ids - the agents of which the function may change some; all if absent
 * @throws as `Fleet.apply`
 */
export const reviseAgents = (
  fleet: Fleet,
  ids: readonly string[] | undefined,
  change: Revise,
): Promise<ApplyResult> => fleetParts(fleet).declarations.revise(ids, change)

/**
 * Resolves with the last lines of the log of an agent's server, which were masked when they were written; none without
 * a log.
 *
 * @throws the system's error if the log cannot be read
 */
export async function agentLogTail(fleet: Fleet, id: string, lines: number): Promise<string[]> {
  const { options, specs } = runtimeOfFleet(fleet)
  const running = fleetParts(fleet).servers.running(id)?.getSnapshot().context.options.values
  const owner = homeOwnerOf(running ?? mergeLayers([agentDefaults(options), specs.get(id) ?? {}]))
  return readLogTail(homeOf(options, id), lines, owner)
}
