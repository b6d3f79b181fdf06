import { dataDirOf, defaultsOf, keptSpecs } from '../api/fleet/internals.ts'
import type { AgentSpec } from '../config/fleet-options.ts'
import { unknownAgent } from '../config/unknown-agent.ts'
import { sees, type Caller } from './access/caller.ts'
import { mapTexts } from './access/host-paths.ts'
import { secretsOfSpecs, shownSpec } from './access/shown-spec.ts'
import { directoryOf } from './access/turn-rules.ts'
import type { GatewayContext } from './context.ts'
import type { SeenAgent } from './events/agent-source.ts'
import { specToWire } from './schemas/spec.ts'
import { statusOnWire } from './schemas/status.ts'

/** Returns the status of the agents that a caller may see. */
export const visibleAgents = ({ agents }: GatewayContext, caller: Caller): SeenAgent[] =>
  agents.status.agents.filter((agent) => sees(caller, agent))

/**
 * Returns the status of an agent that the caller may see.
 *
 * @throws UnknownAgentError (`ERR_OPENCODE_UNKNOWN_AGENT`) for an agent that does not exist or that the caller may not
 * see; the message names no agent that the caller may not see
 */
export function requireAgent(context: GatewayContext, caller: Caller, id: string): SeenAgent {
  const status = context.agents.agent(id)
  if (status && sees(caller, status)) return status
  const seen = visibleAgents(context, caller).map((agent) => agent.id)
  throw unknownAgent(id, seen)
}

/** Returns the spec of an agent as answers show it, on the wire. */
export function shownAgentSpec(context: GatewayContext, spec: AgentSpec): Record<string, unknown> {
  const directory = agentDirectory(context, spec)
  return specToWire(shownSpec(spec, context.paths, directory))
}

/** Returns an agent as answers show it: its spec without secrets, and its status. */
export function shownAgent(context: GatewayContext, status: SeenAgent): Record<string, unknown> {
  const spec = keptSpecs(context.fleet).get(status.id) ?? { id: status.id }
  return { ...shownAgentSpec(context, spec), status: shownTexts(context, spec, statusOnWire(status)) }
}

/** Returns a value of an agent without the agent's secrets, and without paths outside the agent's directory. */
export function shownTexts(context: GatewayContext, spec: AgentSpec, value: unknown): unknown {
  const secrets = secretsOfSpecs(defaultsOf(context.fleet), spec)
  const directory = agentDirectory(context, spec)
  return mapTexts(value, (text) => context.paths.mask(secrets.mask(text), directory))
}

/** Returns the directory in which an agent works. */
export const agentDirectory = ({ fleet }: GatewayContext, spec: AgentSpec): string =>
  directoryOf(dataDirOf(fleet), spec, defaultsOf(fleet))
