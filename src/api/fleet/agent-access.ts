import type { Conversation } from '../../actors/turn/conversation.ts'
import type { TurnCause } from '../../actors/turn/refusal.ts'
import type { InferOutput, ObjectSchema } from '../../config/schema-types.ts'
import { messageWithoutPaths, OpenCodeRuntimeError, StoppedError, UnknownAgentError } from '../../errors.ts'
import type { ServerActorRef } from '../../machines/server-machine.ts'
import { endedTurn, startTurnOn } from '../turn.ts'
import type { ServerAccess, Turn } from '../turn-handle.ts'
import { idInUse, turnIdOf, type TurnInput } from '../turn-input.ts'
import type { AgentFollower } from './agent-follower.ts'
import type { AgentServers } from './agent-servers.ts'
import { DeferredTurn } from './deferred-turn.ts'

/**
 * Returns the access to the server of an agent, which is started when it is needed.
 *
 * @internal
 */
export function accessToAgent(id: string, servers: AgentServers, follower: AgentFollower): ServerAccess {
  const access: ServerAccess = {
    use: (act) => servers.use(id, act),
    turn<S extends ObjectSchema | undefined = undefined>(
      input: string | TurnInput<S>,
      conversationOf?: (actor: ServerActorRef) => Conversation,
    ): Turn<InferOutput<S>> {
      const begin = (actor: ServerActorRef, turnId?: string): Turn<InferOutput<S>> =>
        startTurnOn(actor, input, {
          access,
          conversation: conversationOf?.(actor),
          id: turnId,
          request: (turn) => servers.request(id, turn),
        })
      const given = turnIdOf(input)
      // No event: the events of the id are those of the other turn.
      if (given !== undefined && servers.isTurnId(given)) return endedTurn(input, idInUse(given))
      try {
        servers.check(id)
        const turn = servers.useAtHand(id, begin)
        if (turn) return turn
      } catch (error) {
        const cause = endOf(error)
        const ended = endedTurn<InferOutput<S>>(input, cause)
        follower.reportEnd(id, ended, cause.code)
        return ended
      }
      const later = new DeferredTurn<InferOutput<S>>(
        given ?? crypto.randomUUID(),
        input,
        servers.clock,
        (turn, code) => follower.reportEnd(id, turn, code),
      )
      servers.defer(later)
      const begun = servers.use(id, (actor) => later.begin(() => begin(actor, later.id)))
      const forget = follower.defer(later)
      begun.catch((error: unknown) => later.end(endOf(error))).finally(forget)
      return later
    },
  }
  return access
}

/** Returns the end of a turn whose agent has no server and gets none. */
function endOf(error: unknown): TurnCause {
  if (error instanceof UnknownAgentError) return { code: 'rejected', error: error.message }
  if (error instanceof StoppedError) return { code: 'cancelled', error: error.message }
  if (!(error instanceof OpenCodeRuntimeError)) throw error
  const { retryable } = error
  return { code: 'server_unavailable', error: messageWithoutPaths(error), retryable }
}
