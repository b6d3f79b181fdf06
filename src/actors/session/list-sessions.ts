import { SessionNotFoundError } from '../../errors.ts'
import { HttpError } from '../../io/opencode/client.ts'
import type { SessionInfo, WireSession } from '../../io/opencode/session-wire.ts'
import { warmUpTitle } from '../server/warm-up.ts'
import type { OperationPlan, OperationTarget } from './operation.ts'
import { plainOperation } from './operations.ts'

/** Part of the list of sessions. */
export interface SessionPage {
  limit: number
  search: string | undefined
  /** Id of a session; only sessions that were last changed before it. */
  before: string | undefined
}

/** Lists the sessions of all directories, the latest changed first. */
export const listSessions = (page: SessionPage): OperationPlan<SessionInfo[]> => ({
  ...plainOperation,
  isOfServer: true,
  failure: 'The sessions could not be listed',
  async run(target) {
    const { limit, search, before } = page
    const last = before === undefined ? undefined : await lastOfPage(target, before)
    const { client, directory } = target.connection
    // One more for the session `before`, and one more for a session of a warm-up.
    const filter = { limit: limit + 2, search, updatedBefore: last && last.updatedAt + 1 }
    const found = await client.sessions.list(filter, directory, target.signal)
    const older = found.slice(found.findIndex(({ id }) => id === before) + 1)
    return older
      .filter(({ title }) => title !== warmUpTitle)
      .slice(0, limit)
      .map(infoOf)
  },
})

/** Resolves with the session after which a page begins. */
async function lastOfPage({ connection, signal }: OperationTarget, sessionId: string): Promise<WireSession> {
  const { client, policy } = connection
  return client.sessions.read({ sessionId, directory: policy.base }, signal).catch((error: unknown) => {
    if (!(error instanceof HttpError) || error.status !== 404) throw error
    throw new SessionNotFoundError(`There is no session ${sessionId} (before)`, { cause: error })
  })
}

const infoOf = ({ revert: _, ...info }: WireSession): SessionInfo => info
