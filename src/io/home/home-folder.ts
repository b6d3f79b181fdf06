import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { AgentUser } from '../../config/agent-user.ts'
import { holdFolder, type HeldFolder } from './held-folder.ts'
import { restrict } from './modes.ts'

/**
 * Makes and opens a folder of a home. The mode is 0700, also if the folder existed with a wider mode, as far as
 * the file system sets modes.
 *
 * @param owner - owner of the home, if the host must not trust its content; see {@link holdFolder}
 * @param keeper - owner of the folder: the home's owner, or the host
 * @throws InvalidOptionsError if a folder on the way is a link, or of another owner
 */
export function openHomeFolder(
  home: string,
  segments: readonly string[],
  owner: AgentUser | undefined,
  keeper: 'user' | 'host' = 'user',
): HeldFolder {
  const folder = owner ? holdFolder(home, segments, owner, keeper) : named(join(home, ...segments))
  try {
    restrict(folder.path, 0o700)
    return folder
  } catch (error) {
    folder.close()
    throw error
  }
}

/** Calls `act` with the path of a folder that {@link openHomeFolder} opened, and closes the folder. */
export async function inHomeFolder<T>(
  home: string,
  segments: readonly string[],
  owner: AgentUser | undefined,
  act: (path: string) => Promise<T>,
): Promise<T> {
  const folder = openHomeFolder(home, segments, owner)
  try {
    return await act(folder.path)
  } finally {
    folder.close()
  }
}

function named(path: string): HeldFolder {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  return { path, close: () => undefined }
}
