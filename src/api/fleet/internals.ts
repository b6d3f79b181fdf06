import { fleetRuntimeOf, type FleetRuntime } from '../../actors/fleet/fleet-runtime.ts'
import { agentUserOf, homeOwnerOf, type AgentUser } from '../../config/agent-user.ts'
import {
  agentDefaults,
  attachKeys,
  homeOf,
  runningCapOf,
  type ResolveKey,
} from '../../config/compiled-fleet.ts'
import { mergeLayers } from '../../config/agent-layers.ts'
import { agentLimits } from '../../config/agent-limits.ts'
import type { AgentSpec, FleetDefaults } from '../../config/fleet-options.ts'
import type { Lifeline } from '../../io/process/lifeline.ts'
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

/** Gives a fleet a function that returns the keys of agents for which nothing else gives one. */
export const setKeySource = (fleet: Fleet, resolveKey: ResolveKey): void =>
  attachKeys(runtimeOfFleet(fleet).options, resolveKey)

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
 * Deletes the home of an agent when its server has ended. The agent is declared again after that if `keeps` says so.
 *
 * @param drainMs - time for running turns to finish, in ms
 * @param keeps - returns whether the agent stays declared; called when no other change of the agent runs
 */
export const renewHome = (fleet: Fleet, id: string, drainMs: number, keeps: () => boolean): Promise<void> =>
  fleetParts(fleet).declarations.renewHome(id, drainMs, keeps)

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

/** Returns the limit of the life of a fleet's servers without news of the host. */
export const lifelineOf = (fleet: Fleet): Lifeline => runtimeOfFleet(fleet).lifeline

/** Logs a condition of a fleet that needs a user's attention. */
export const warnOf = (fleet: Fleet, message: string, fields: Readonly<Record<string, string>>): void =>
  runtimeOfFleet(fleet).warn(message, fields)

/** Home of an agent, and what is needed to read and to write it. */
export interface AgentHome {
  /** Absolute path of the home. */
  readonly path: string
  /** User of the agent's processes; `undefined` for the host's own. */
  readonly user: AgentUser | undefined
  /** Owner of the home, if the host must not trust its content. */
  readonly owner: AgentUser | undefined
  /** Option `binary` of the agent. */
  readonly binary: string | undefined
  /** Version of the agent's running server; `undefined` without one. */
  readonly opencode: string | undefined
}

/** Returns the home of an agent, as its running server uses it, or as its spec declares it. */
export function agentHomeOf(fleet: Fleet, id: string): AgentHome {
  const { options, specs } = runtimeOfFleet(fleet)
  const running = fleetParts(fleet).servers.running(id)?.getSnapshot().context
  const merged = mergeLayers([agentDefaults(options), specs.get(id) ?? {}])
  const values =
    running?.options.values ?? (merged as { uid?: number; gid?: number; spawn?: unknown; binary?: string })
  const path = homeOf(options, id)
  return {
    ...{ path, user: agentUserOf(values), owner: homeOwnerOf(values) },
    ...{ binary: values.binary, opencode: running?.version },
  }
}

/** Returns the version of opencode that the agents of a fleet use by default; empty if the binary cannot tell. */
export async function opencodeVersionOf(fleet: Fleet): Promise<string> {
  const [{ resolveBinary }, { askVersion }] = await Promise.all([
    import('../../io/opencode/binary.ts'),
    import('../../io/opencode/binary-version.ts'),
  ])
  try {
    const answer = await askVersion(await resolveBinary(defaultsOf(fleet).binary))
    return 'version' in answer ? answer.version : ''
  } catch {
    return ''
  }
}
