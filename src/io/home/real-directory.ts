import { access, constants, realpath, stat } from 'node:fs/promises'
import { basename, resolve, sep } from 'node:path'
import { InvalidOptionsError } from '../../errors.ts'
import { asHostFault, errnoOf, isHostFault } from '../host/host-fault.ts'

/** A directory that a caller named. */
export interface NamedDirectory {
  /** The input that named the directory, for messages: `option directory`. */
  input: string
  /** An absolute path. */
  directory: string
  /**
   * Whether a message may hold the full path, not only its last segment: a turn's error may be shown to users of the host.
   * @defaultValue false
   */
  isShown?: boolean
}

/**
 * Returns the real path of a directory: links, `..` and trailing slashes resolved as the system resolves them.
 * @throws InvalidOptionsError where there is no directory, this process may not enter it, or its name cannot be sent to the server
 * @throws HostFaultError where the host cannot tell for the moment
 * @remarks Observed in opencode 1.18.33: a backslash is taken for a slash, also where it is part of a name.
 */
export async function realDirectory(named: NamedDirectory): Promise<string> {
  const { input, directory } = named
  try {
    const bytes = await realpath(directory, 'buffer')
    const real = bytes.toString()
    // A name that is not UTF-8 would reach the server as the name of another directory.
    if (!Buffer.from(real).equals(bytes)) throw missing(named, 'its name is not UTF-8')
    if (sep === '/' && real.includes('\\')) throw missing(named, 'opencode takes a backslash for a slash')
    if (!(await stat(real)).isDirectory()) throw missing(named, 'ENOTDIR')
    await access(real, constants.X_OK)
    return real
  } catch (error) {
    if (error instanceof InvalidOptionsError) throw error
    if (isHostFault(error)) throw asHostFault(error, `The ${input} could not be looked up`, directory)
    throw missing(named, errnoOf(error) ?? 'unknown', error)
  }
}

function missing({ input, directory, isShown }: NamedDirectory, why: string, cause?: unknown) {
  const value = isShown === true ? directory : `…/${basename(resolve(directory))}`
  return new InvalidOptionsError(
    `Invalid ${input}: expected an existing directory, got ${JSON.stringify(value)} (${why})`,
    { cause },
  )
}
