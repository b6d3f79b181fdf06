import { UnknownAgentError } from '../errors.ts'
import { similarTo } from '../util/similar.ts'
import { agentLabel } from './agent-error.ts'
import { isAgentId } from './agent-spec.ts'

/** Maximum number of agents that are compared with an unknown id, because a turn of an unknown agent must be cheap. */
const mostCompared = 1_000

/**
 * Returns the error for an id that no agent has, with the agent whose id resembles it most.
 *
 * @param known - ids of the fleet's agents; only the first 1000 are compared
 */
export function unknownAgent(id: unknown, known: Iterable<string>): UnknownAgentError {
  if (typeof id === 'string')
    return new UnknownAgentError(`The fleet has no ${agentLabel(id)}${adviceFor(id, known)}`)
  return new UnknownAgentError(
    `Expected the id of an agent, a string, got ${id === null ? 'null' : typeof id}`,
  )
}

function adviceFor(id: string, known: Iterable<string>): string {
  if (!isAgentId(id)) return '; no agent can have this id: expected 1 to 63 characters a-z, 0-9, _ and -'
  const names: string[] = []
  for (const name of known) if (names.push(name) >= mostCompared) break
  const [similar] = similarTo(id, names)
  const hint = similar === undefined ? '' : ` (did you mean ${JSON.stringify(similar)}?)`
  return `${hint}; declare the agent first, with apply() or put()`
}
