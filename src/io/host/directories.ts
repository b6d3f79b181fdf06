import { homedir } from 'node:os'
import { isAbsolute, resolve } from 'node:path'
import { ignoreErrors } from '../../util/ignore-errors.ts'

/** Returns the working directory; `undefined` if it was removed (`process.cwd()` throws ENOENT then). */
export const workingDirectory = (): string | undefined => ignoreErrors(() => process.cwd())

/**
 * Returns the user's home directory; `undefined` if HOME is not set and the user has no entry in the user
 * database, as in a container with a random uid (`os.homedir()` throws then).
 */
export function homeDirectory(): string | undefined {
  const home = ignoreErrors(homedir)
  return home !== undefined && isAbsolute(home) ? home : undefined
}

/**
 * Returns the absolute form of a path; `undefined` for a relative path if the working directory was removed.
 */
export const absolutePath = (path: string): string | undefined =>
  isAbsolute(path) || workingDirectory() !== undefined ? resolve(path) : undefined
