import type { AgentFacts } from '../../api/fleet/agent-facts.ts'
import { sees, type Caller } from '../access/caller.ts'
import type { GatewayContext } from '../context.ts'
import { notFound } from '../http/problems.ts'
import type { LoggedTurn } from './turn-log.ts'

/**
 * Returns an agent that the caller may see.
 *
 * @throws ProblemError 404, the same for an agent of others and for no agent
 */
export function visibleAgent({ turns }: GatewayContext, caller: Caller, id: string): AgentFacts {
  const agent = turns.agent(id)
  if (agent && sees(caller, agent)) return agent
  throw notFound(
    'ERR_OPENCODE_UNKNOWN_AGENT',
    `There is no agent ${JSON.stringify(id)}: see /v1/agents for the agents of the token`,
  )
}

/**
 * Returns a turn that the caller may see. A caller without the scope `read` sees the turns that its own token has
 * started.
 *
 * @throws ProblemError 404, the same for a turn of others and for no turn
 */
export async function visibleTurn(
  { log }: GatewayContext,
  caller: Caller,
  turnId: string,
): Promise<LoggedTurn> {
  const turn = await log.get(turnId)
  if (turn && seesTurn(caller, turn)) return turn
  throw notFound(
    'ERR_OPENCODE_UNKNOWN_TURN',
    `There is no turn ${JSON.stringify(turnId)}: see /v1/turns for the turns of the token`,
  )
}

const seesTurn = (caller: Caller, { agentId, tenant, tokenId }: LoggedTurn): boolean =>
  sees(caller, { id: agentId, tenant }) && (caller.scopes.has('read') || caller.tokenId === tokenId)
