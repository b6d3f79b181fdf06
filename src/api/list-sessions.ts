import { listSessions as list } from '../actors/session/list-sessions.ts'
import type { SessionInfo } from '../io/opencode/session-wire.ts'
import { sessionsSchema } from '../config/option-schema.ts'
import { parse } from '../config/validation.ts'
import type { ServerActorRef } from '../machines/server-machine.ts'
import { runOperation } from './session-operation.ts'

/** Filter of a list of sessions. */
export interface ListSessionsOptions {
  /**
   * Maximum number of sessions.
   *
   * @defaultValue `100`
   */
  limit?: number
  /** Text that the titles of the sessions contain. */
  search?: string
  /** Id of a session; the list begins after that session. For the next page: the id of the last session. */
  before?: string
}

/**
 * Lists the sessions of a server machine, your own or an embedded machine. Same as `OpenCodeServer.sessions`.
 *
 * @param actor - The actor of the server machine.
 * @param options - Number of sessions, text of the titles, and beginning of the list.
 * @returns The sessions of all directories, the latest changed first, without sessions of subagents.
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) for a bad option.
 * @throws SessionNotFoundError (`ERR_OPENCODE_SESSION_NOT_FOUND`) if the session `before` does not exist.
 * @throws OpenCodeRuntimeError if the server does not start, dies, or refuses. Codes: see {@link ensureRunning}.
 */
export async function listSessions(
  actor: ServerActorRef,
  options: ListSessionsOptions = {},
): Promise<SessionInfo[]> {
  const { limit, search, before } = parse(sessionsSchema, options, 'option')
  return runOperation(actor, list({ limit, search, before }))
}
