import { homedir } from 'node:os'
import { isAbsolute, resolve } from 'node:path'
import { quietly } from '../../util/quietly.ts'

/** Returns this process's working directory; `undefined` if that was removed (`process.cwd()` throws ENOENT then). */
export const workingDirectory = (): string | undefined => quietly(() => process.cwd())

/**
 * Returns this user's home directory; `undefined` if HOME is not set and the user has no entry in the user database, as
 * in a container with a random uid (`os.homedir()` throws then).
 */
export function homeDirectory(): string | undefined {
  const home = quietly(homedir)
  return home !== undefined && isAbsolute(home) ? home : undefined
}

/** Returns a path as an absolute one; `undefined` for a relative path without a working directory to start from. */
export const absolutePath = (path: string): string | undefined =>
  isAbsolute(path) || workingDirectory() !== undefined ? resolve(path) : undefined
