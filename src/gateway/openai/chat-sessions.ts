import type { AgentFacts } from '../../api/fleet/agent-facts.ts'
import { InvalidOptionsError } from '../../errors.ts'
import type { Caller } from '../access/caller.ts'
import type { Run, SentWith } from '../turns/turn-desk.ts'

/** Session of a request. */
export interface ChosenSession {
  /** Id of the session, if the client knows it. */
  sessionId?: string
  /** True if the session has the earlier messages. */
  hasHistory: boolean
  /** Returns the function that runs the turn; in the session of the id if absent. */
  runIn?: (title: string) => Run
  /** Fields that `runIn` sends in a cluster beside the input. */
  sent?: SentWith
}

/** Sessions of the requests for chat completions. */
export interface ChatSessions {
  /**
   * Returns the session that a request names: by its id, or by a name of the client's own; without a name, a session that
   * is deleted after the turn.
   */
  choose(name: string | undefined, caller: Caller, agent: AgentFacts): Promise<ChosenSession>
  /** Resolves when the session of a turn is deleted, or need not be waited for. */
  settled(turnId: string): Promise<void>
  /** Deletes what earlier processes have left, in the background. */
  open(): Promise<void>
  /** Waits for the deletions of sessions, for a limited time. */
  close(): Promise<void>
}

/** Names that are ids of sessions. */
const sessionId = /^ses_[\w-]*$/

/** Returns whether a name is the id of a session. */
export const isSessionId = (name: string): boolean => sessionId.test(name)

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
