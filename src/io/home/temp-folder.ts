import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { AgentUser } from '../../config/agent-user.ts'
import { runAs } from '../process/run-as.ts'
import { inHomeFolder } from './home-folder.ts'

/** Returns the folder for temporary files of a home's server and of all processes that it starts. */
export const tempFolder = (home: string): string => join(home, ...segments)

const segments = ['.cache', 'tmp']

/**
 * Empties the temporary folder before a server starts, because each server of opencode leaves a file there
 * (see `io/opencode/disk-use.ts`). Never rejects.
 *
 * @param user - owner of the home, if that is not the host's user. The folder is then removed with this user's
 *   rights, because the user may put links into it meanwhile.
 */
export async function emptyTempFolder(home: string, user?: AgentUser): Promise<void> {
  await remove(tempFolder(home), user).catch(() => undefined)
  await inHomeFolder(home, segments, user, () => Promise.resolve()).catch(() => undefined)
}

async function remove(folder: string, user: AgentUser | undefined): Promise<void> {
  if (user) await runAs(user, ['rm', '-rf', '--', folder])
  else await rm(folder, { recursive: true, force: true, maxRetries: 2 })
}
