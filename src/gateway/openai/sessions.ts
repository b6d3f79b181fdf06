import type { AgentFacts } from '../../api/fleet/agent-facts.ts'
import { InvalidOptionsError } from '../../errors.ts'
import type { Caller } from '../access/caller.ts'
import type { GatewayContext } from '../context.ts'
import type { Run } from '../turns/turn-desk.ts'
import { keyOfName, NamedSessions } from './named-sessions.ts'
import { ThrowAways } from './throw-aways.ts'

/** Session of a request. */
export interface ChosenSession {
  /** Id of the session, if the client knows it. */
  sessionId?: string
  /** True if the session has the earlier messages. */
  hasHistory: boolean
  /** Returns the function that runs the turn; in the session of the id if absent. */
  runIn?: (title: string) => Run
}

/** Names that are ids of sessions. */
const sessionId = /^ses_[\w-]*$/

/** Sessions of the requests for chat completions. */
export class ChatSessions {
  readonly throwAways: ThrowAways
  readonly #named: NamedSessions

  constructor(context: GatewayContext) {
    this.throwAways = new ThrowAways(context)
    this.#named = new NamedSessions(context)
  }

  /**
   * Returns the session that a request names: by its id, or by a name of the client's own; without a name, a session that
   * is deleted after the turn.
   *
   * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for a name that a header cannot carry
   */
  async choose(
    name: string | undefined,
    { tokenId }: Caller,
    { id: agentId }: AgentFacts,
  ): Promise<ChosenSession> {
    if (name === undefined)
      return { hasHistory: false, runIn: () => (input) => this.throwAways.run(agentId, input) }
    if (sessionId.test(name)) return { sessionId: name, hasHistory: true }
    const key = keyOfName({ tokenId, agentId, name })
    return {
      hasHistory: await this.#named.has(key),
      runIn: (title) => (input) => this.#named.run(key, agentId, title, input),
    }
  }
}

/**
 * Returns the name of the session in the headers of a request.
 *
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for a name that is too long, or not ASCII
 */
export function sessionNameOf(headers: Headers): string | undefined {
  const name = headers.get('x-session-id')
  if (name === null || name === '') return undefined
  if (/^[\x20-\x7e]{1,255}$/.test(name)) return name
  throw new InvalidOptionsError('Invalid field X-Session-Id: expected 1 to 255 printable ASCII characters')
}
