import type { AgentFacts } from '../../api/fleet/agent-facts.ts'
import type { Caller } from '../access/caller.ts'
import type { GatewayContext } from '../context.ts'
import { isSessionId, type ChatSessions, type ChosenSession } from './chat-sessions.ts'
import { keyOfName, NamedSessions } from './named-sessions.ts'
import { ThrowAways } from './throw-aways.ts'

/** Sessions of the requests for chat completions, on the fleet of the process. */
export class FleetChatSessions implements ChatSessions {
  readonly #throwAways: ThrowAways
  readonly #named: NamedSessions

  constructor(context: GatewayContext) {
    this.#throwAways = new ThrowAways(context)
    this.#named = new NamedSessions(context)
  }

  async choose(
    name: string | undefined,
    { tokenId }: Caller,
    { id: agentId }: AgentFacts,
  ): Promise<ChosenSession> {
    if (name === undefined)
      return { hasHistory: false, runIn: () => (input) => this.#throwAways.run(agentId, input) }
    if (isSessionId(name)) return { sessionId: name, hasHistory: true }
    const key = keyOfName({ tokenId, agentId, name })
    return {
      hasHistory: await this.#named.has(key),
      runIn: (title) => (input) => this.#named.run(key, agentId, title, input),
    }
  }

  settled(turnId: string): Promise<void> {
    return this.#throwAways.settled(turnId)
  }

  open(): Promise<void> {
    return this.#throwAways.deleteLeft()
  }

  close(): Promise<void> {
    return this.#throwAways.close()
  }
}
