import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** Returns the folder for temporary files of a home's server and of all processes that it starts. */
export const tempFolder = (home: string): string => join(home, '.cache', 'tmp')

/**
 * Empties the temporary folder before a server starts, because each server of opencode leaves a file there
 * (see `io/opencode/disk-use.ts`). Never rejects.
 */
export async function emptyTempFolder(home: string): Promise<void> {
  const folder = tempFolder(home)
  await rm(folder, { recursive: true, force: true, maxRetries: 2 }).catch(() => undefined)
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch(() => undefined)
}
