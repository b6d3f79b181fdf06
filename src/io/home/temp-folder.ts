import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { AgentUser } from '../../config/agent-user.ts'
import { runAs } from '../process/run-as.ts'
import { inHomeFolder } from './home-folder.ts'

/** Returns the folder for temporary files of a home's server and of all processes that it starts. */
export const tempFolder = (home: string): string => join(home, ...segments)

const segments = ['.cache', 'tmp'] as const

/**
 * Empties the temporary folder before a server starts, because each server of opencode leaves a file there
 * (see `io/opencode/disk-use.ts`). Never rejects.
 *
 * @param owner - owner of the home, if the host must not trust its content; see `homeOwnerOf`
 */
export async function emptyTempFolder(home: string, owner?: AgentUser): Promise<void> {
  await remove(home, owner).catch(() => undefined)
  await inHomeFolder(home, segments, owner, () => Promise.resolve()).catch(() => undefined)
}

/**
 * Removes the folder. Another user's folder is removed with the rights of this user, because a process of the
 * user may put links into it meanwhile.
 */
async function remove(home: string, owner: AgentUser | undefined): Promise<void> {
  const [cache, name] = segments
  if (owner === undefined) await removeAll(tempFolder(home))
  else if (owner.uid !== process.geteuid?.()) await runAs(owner, ['rm', '-rf', '--', tempFolder(home)])
  else await inHomeFolder(home, [cache], owner, (folder) => removeAll(join(folder, name)))
}

const removeAll = (folder: string): Promise<void> =>
  rm(folder, { recursive: true, force: true, maxRetries: 2 })
