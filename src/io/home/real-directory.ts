import { access, constants, realpath, stat } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { InvalidOptionsError } from '../../errors.ts'
import { asHostFault, errnoOf, isHostFault } from '../host/host-fault.ts'
import { hasMisreadBackslash } from '../opencode/directory-name.ts'

/** Directory that a caller named. */
export interface NamedDirectory {
  /** Input that named the directory, for messages: `option directory`. */
  input: string
  /** Absolute path. */
  directory: string
  /**
   * True if a message may hold the full path, false for its last segment only. The host's users may see a
   * turn's error.
   * @defaultValue false
   */
  isShown?: boolean
}

/**
 * Returns the real path of a directory: links, `..` and trailing slashes are resolved as the system resolves
 * them.
 * @throws InvalidOptionsError if there is no directory, if this process may not enter it, or if its name
 *   cannot be sent to the server
 * @throws HostFaultError if the host cannot determine this at the moment
 */
export async function realDirectory(named: NamedDirectory): Promise<string> {
  const { input, directory } = named
  try {
    const bytes = await realpath(directory, 'buffer')
    const real = bytes.toString()
    // A name that is not UTF-8 would reach the server as the name of another directory.
    if (!Buffer.from(real).equals(bytes)) throw missingDirectory(named, 'its name is not UTF-8')
    if (hasMisreadBackslash(real)) throw missingDirectory(named, 'opencode reads a backslash as a slash')
    if (!(await stat(real)).isDirectory()) throw missingDirectory(named, 'ENOTDIR')
    await access(real, constants.X_OK)
    return real
  } catch (error) {
    if (error instanceof InvalidOptionsError) throw error
    if (isHostFault(error)) throw asHostFault(error, `The ${input} could not be looked up`, directory)
    throw missingDirectory(named, errnoOf(error) ?? 'unknown', error)
  }
}

/** Returns the error for a named directory that cannot be used; `why` is the system's code or a few words. */
export function missingDirectory(
  { input, directory, isShown }: NamedDirectory,
  why: string,
  cause?: unknown,
) {
  const value = isShown === true ? directory : `…/${basename(resolve(directory))}`
  return new InvalidOptionsError(
    `Invalid ${input}: expected an existing directory, got ${JSON.stringify(value)} (${why})`,
    { cause },
  )
}
