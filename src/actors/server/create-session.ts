import { basename } from 'node:path'
import { InvalidOptionsError } from '../../errors.ts'
import { HttpError, type OpenCodeClient } from '../../io/opencode/client.ts'
import { decodedName } from '../../io/opencode/directory-name.ts'
import { missingDirectory, type NamedDirectory } from '../../io/home/real-directory.ts'
import type { DirectoryPolicy } from './directory-policy.ts'

/** Created session and its directory. */
export interface CreatedSession {
  id: string
  directory: string | undefined
}

/** Input of {@link createSession}. */
export interface SessionTerms {
  client: OpenCodeClient
  policy: DirectoryPolicy
  /** Directory of the session; `undefined`: the directory in which the server was started. */
  named: NamedDirectory | undefined
  title: string
}

/**
 * Creates a session in a directory that the policy allows, and checks the directory in which the server
 * created the session.
 *
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) if the policy does not allow the directory, or
 * if the server used another directory; the session is deleted in the second case
 */
export async function createSession({ client, policy, named, title }: SessionTerms): Promise<CreatedSession> {
  const directory = named && (await policy.resolve(named))
  const session = await client.createSession(directory, title).catch((error: unknown) => {
    throw named && isMissing(error) ? missingDirectory(named, 'it does not exist', error) : error
  })
  if (named === undefined || directory === undefined) return session
  if (await policy.isSame(directory, session.directory))
    return { ...session, directory: session.directory ?? directory }
  await client.deleteSession(session.id, policy.base).catch(() => undefined)
  throw new InvalidOptionsError(otherDirectory(named.input, directory, session.directory))
}

/**
 * Returns whether an error means that the server does not have the directory.
 *
 * @remarks Observed in opencode: `POST /session` answers 500.
 */
const isMissing = (error: unknown): boolean =>
  error instanceof HttpError && error.status === 500 && /\bFileSystem\.realPath\b/.test(error.message)

/**
 * Returns the message for a server that uses another directory than the requested directory. The message
 * contains no full path of the host.
 *
 * @param sent - the directory in the request
 * @param used - the directory that the server reports
 */
export function otherDirectory(input: string, sent: string, used: string | undefined): string {
  if (used === undefined)
    return `Invalid ${input}: opencode did not report the session's directory. Report this version of opencode`
  const detail = used === decodedName(sent) ? ', its percent escapes decoded' : ''
  return (
    `Invalid ${input}: opencode took ${JSON.stringify(`…/${basename(sent)}`)} for another directory${detail}. ` +
    'Rename the directory, or report this version of opencode'
  )
}
