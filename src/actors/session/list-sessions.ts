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
    const { before } = page
    const last = before === undefined ? undefined : await lastOfPage(target, before)
    return (await sessionsAfter(target, page, last)).map(infoOf)
  },
})

/**
 * Resolves with the sessions of a page. Asks for more if the answer has sessions that do not belong to the page: those
 * of a warm-up, those before `last` with the same time of change, and those whose titles do not contain the text.
 *
 * @remarks Observed in opencode: `%` and `_` of a search are wildcards, and cannot be escaped.
 */
async function sessionsAfter(
  { connection, signal }: OperationTarget,
  { limit, search, before }: SessionPage,
  last: WireSession | undefined,
): Promise<WireSession[]> {
  const { client, directory } = connection
  // One more for the session `before`, and one more for a session of a warm-up.
  for (let size = limit + 2; ; size *= 2) {
    const filter = { limit: size, search, updatedBefore: last && last.updatedAt + 1 }
    const found = await client.sessions.list(filter, directory, signal)
    const at = found.findIndex(({ id }) => id === before)
    const page = found.slice(at + 1).filter(({ title }) => title !== warmUpTitle && contains(title, search))
    const isReached = !last || at >= 0 || found.some(({ updatedAt }) => updatedAt < last.updatedAt)
    if (found.length < size || (isReached && page.length >= limit)) return page.slice(0, limit)
  }
}

/** Returns whether a title contains a text, in upper or lower case. */
const contains = (title: string, text = ''): boolean => title.toLowerCase().includes(text.toLowerCase())

/** Resolves with the session after which a page begins. */
async function lastOfPage({ connection, signal }: OperationTarget, sessionId: string): Promise<WireSession> {
  const { client, policy } = connection
  return client.sessions.read({ sessionId, directory: policy.base }, signal).catch((error: unknown) => {
    if (!(error instanceof HttpError) || error.status !== 404) throw error
    throw new SessionNotFoundError(`There is no session ${sessionId} (before)`, { cause: error })
  })
}

const infoOf = ({ revert: _, ...info }: WireSession): SessionInfo => info
