import { createHash } from 'node:crypto'
import type { Session } from '../../api/session.ts'
import type { Turn } from '../../api/turn-handle.ts'
import type { TurnInput } from '../../api/turn-input.ts'
import { ignoreErrors } from '../../util/ignore-errors.ts'
import { messageOf } from '../../util/messages.ts'
import type { GatewayContext } from '../context.ts'

/** Name of a session. The same name of another token, or for another agent, is another session. */
export interface SessionName {
  tokenId: string
  agentId: string
  name: string
}

/** Returns the key of a name in the log. */
export const keyOfName = ({ tokenId, agentId, name }: SessionName): string =>
  createHash('sha256')
    .update(JSON.stringify([tokenId, agentId, name]))
    .digest('hex')

/** Session that is being created, and the number of the turns that wait for it. */
interface Opening {
  session: Session
  turns: number
}

/** Sessions that clients name as they like, because a client of OpenAI cannot know the id of a session. */
export class NamedSessions {
  readonly #context: Pick<GatewayContext, 'fleet' | 'log' | 'options'>
  /** Sessions by the key of their names: requests at the same time share one. */
  readonly #opening = new Map<string, Opening>()

  constructor(context: Pick<GatewayContext, 'fleet' | 'log' | 'options'>) {
    this.#context = context
  }

  /** Resolves with whether the session of a name exists, or is being created. */
  async has(key: string): Promise<boolean> {
    return this.#opening.has(key) || (await this.#idOf(key)) !== undefined
  }

  /**
   * Runs a turn in the session of a name, which is created if it does not exist.
   *
   * @param title - title of a new session
   */
  async run(key: string, agentId: string, title: string, input: TurnInput): Promise<Turn> {
    const sessionId = await this.#idOf(key)
    if (sessionId === undefined) return this.#runFirst(key, agentId, title, input)
    const turn = this.#context.fleet.agent(agentId).session({ sessionId }).turn(input)
    void this.#forgetMissing(key, agentId, turn)
    return turn
  }

  #runFirst(key: string, agentId: string, title: string, input: TurnInput): Turn {
    const known = this.#opening.get(key)
    const opening = known ?? { session: this.#context.fleet.agent(agentId).session({ title }), turns: 0 }
    this.#opening.set(key, opening)
    opening.turns++
    const turn = opening.session.turn(input)
    void this.#keep(key, agentId, opening, turn)
    return turn
  }

  async #idOf(key: string): Promise<string | undefined> {
    return (await this.#context.log.sessions.get('named', key))?.sessionId ?? undefined
  }

  /** Keeps the id of the session of a name. */
  async #keep(key: string, agentId: string, opening: Opening, turn: Turn): Promise<void> {
    const { log } = this.#context
    const sessionId = await turn.sessionId
    if (sessionId !== undefined)
      await log.sessions
        .put({ kind: 'named', key, agentId, sessionId })
        .catch((error: unknown) => this.#warn(agentId, error))
    if (--opening.turns === 0 || sessionId !== undefined) this.#opening.delete(key)
  }

  /** Forgets a name whose session the agent does not have any more: the next turn begins another session. */
  async #forgetMissing(key: string, agentId: string, turn: Turn): Promise<void> {
    const end = await turn.done
    if (end.kind === 'error' && end.code === 'session_not_found')
      await this.#context.log.sessions
        .delete('named', key)
        .catch((error: unknown) => this.#warn(agentId, error))
  }

  #warn(agentId: string, error: unknown): void {
    const { logger } = this.#context.options
    ignoreErrors(() =>
      logger?.warn({ agentId, error: messageOf(error) }, 'The name of a session is not kept'),
    )
  }
}
