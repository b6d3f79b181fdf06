import type { AgentFacts } from '../../api/fleet/agent-facts.ts'
import type { Turn } from '../../api/turn-handle.ts'
import { ignoreErrors } from '../../util/ignore-errors.ts'
import { messageOf } from '../../util/messages.ts'
import type { Caller } from '../access/caller.ts'
import type { GatewayContext } from '../context.ts'
import { isSessionId, type ChatSessions, type ChosenSession } from '../openai/chat-sessions.ts'
import { keyOfName } from '../openai/named-sessions.ts'
import type { SentWith } from '../turns/turn-desk.ts'
import type { NamedInput } from '../turns/turn-source.ts'
import type { ClusterTurns } from './cluster-turns.ts'

/**
 * Sessions of the requests for chat completions in a cluster. The owner of the agent deletes the session of a turn without
 * a name. Turns of one name are one conversation of the owner, so that they share a session from the first one on.
 */
export class ClusterChatSessions implements ChatSessions {
  readonly #context: Pick<GatewayContext, 'log' | 'options'>
  readonly #turns: ClusterTurns

  constructor(context: Pick<GatewayContext, 'log' | 'options'>, turns: ClusterTurns) {
    this.#context = context
    this.#turns = turns
  }

  async choose(
    name: string | undefined,
    { tokenId }: Caller,
    { id: agentId }: AgentFacts,
  ): Promise<ChosenSession> {
    if (name === undefined) {
      const fields = { isThrowAway: true } as const
      return {
        hasHistory: false,
        runIn: () => (input) => this.#turns.run(agentId, input, fields),
        sent: { fields },
      }
    }
    if (isSessionId(name)) return { sessionId: name, hasHistory: true }
    const key = keyOfName({ tokenId, agentId, name })
    const sessionId = await this.#idOf(key)
    const sent = { fields: { conversation: key }, ...(sessionId !== undefined && { sessionId }) }
    return {
      hasHistory: sessionId !== undefined,
      runIn: () => (input) => this.#runNamed(key, agentId, input, sent),
      sent,
    }
  }

  settled(): Promise<void> {
    return Promise.resolve()
  }

  open(): Promise<void> {
    return Promise.resolve()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  async #runNamed(
    key: string,
    agentId: string,
    input: NamedInput,
    { fields, ...named }: SentWith,
  ): Promise<Turn> {
    const { sessionId } = named
    const turn = await this.#turns.run(agentId, { ...input, ...named }, fields)
    void this.#keep(key, agentId, turn, sessionId)
    return turn
  }

  /** Keeps the session of a name; forgets a session that the agent does not have any more. */
  async #keep(key: string, agentId: string, turn: Turn, known: string | undefined): Promise<void> {
    const { sessions } = this.#context.log
    try {
      const sessionId = await turn.sessionId
      if (sessionId !== undefined && sessionId !== known)
        await sessions.put({ kind: 'named', key, agentId, sessionId })
      const end = await turn.done
      if (end.kind === 'error' && end.code === 'session_not_found') await sessions.delete('named', key)
    } catch (error) {
      const { logger } = this.#context.options
      ignoreErrors(() =>
        logger?.warn({ agentId, error: messageOf(error) }, 'The name of a session is not kept'),
      )
    }
  }

  async #idOf(key: string): Promise<string | undefined> {
    return (await this.#context.log.sessions.get('named', key))?.sessionId ?? undefined
  }
}
