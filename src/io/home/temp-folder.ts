import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** Where a home's server, and all that it starts, keep what is of use for a moment. */
export const tempFolder = (home: string): string => join(home, '.cache', 'tmp')

/**
 * Empties it, for a server that is to start. Each one unpacks a library of 5.5 MB there and leaves it behind, however it
 * ends (opencode 1.18.33): in a folder that all share, they would be kept until it is full. Never rejects.
 */
export async function emptyTempFolder(home: string): Promise<void> {
  const folder = tempFolder(home)
  await rm(folder, { recursive: true, force: true, maxRetries: 2 }).catch(() => undefined)
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch(() => undefined)
}
