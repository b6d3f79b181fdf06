import { fleetRuntimeOf, type FleetRuntime } from '../../actors/fleet/fleet-runtime.ts'
import { homeOf } from '../../config/compiled-fleet.ts'
import type { AgentSpec } from '../../config/fleet-options.ts'
import type { Fleet } from './fleet.ts'

const runtimeOfFleet = (fleet: Fleet): FleetRuntime =>
  fleetRuntimeOf(fleet.actor.getSnapshot().context.runtime)

/** Returns the folder of a fleet's homes. */
export const dataDirOf = (fleet: Fleet): string => runtimeOfFleet(fleet).options.values.dataDir

/** Returns the kept specs of a fleet's agents, by id, with their secrets. They must not leave the process. */
export const keptSpecs = (fleet: Fleet): ReadonlyMap<string, AgentSpec> => runtimeOfFleet(fleet).specs

/** Returns the home of an agent. */
export const agentHome = (fleet: Fleet, id: string): string => homeOf(runtimeOfFleet(fleet).options, id)
