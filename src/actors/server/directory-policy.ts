import { realpath } from 'node:fs/promises'
import { secretOptions, type CompiledOptions } from '../../config/compiled-options.ts'
import { mayBeSame } from '../../io/opencode/directory-name.ts'
import { refuseProjectCode } from '../../io/opencode/project-code.ts'
import { realDirectory, type NamedDirectory } from '../../io/home/real-directory.ts'

/** Decides in which directories sessions may work, and which path the server is sent. */
export interface DirectoryPolicy {
  /**
   * Resolves with the path that the server is sent for a named directory. Rejects with `InvalidOptionsError` if the
   * directory is not allowed. Called before each prompt, because the directory's content may have changed.
   */
  resolve(named: NamedDirectory): Promise<string>
  /** Resolves with true if a directory that the server answered is the one it was sent. */
  isSame(sent: string, answered: string | undefined): Promise<boolean>
  /**
   * The directory that requests name for a session whose own directory is not resolved yet, so that opencode loads nothing
   * from the session's directory; `undefined` if the policy guards no directory.
   */
  readonly base: string | undefined
}

/**
 * Returns the policy of a server on this machine. It resolves a directory to its real path, and allows it if it exists and
 * its project runs no code in the server (`trustProjectConfig` allows that code). `base` is the server's own directory, resolved.
 */
export function directoryPolicy(options: CompiledOptions, base?: string): DirectoryPolicy {
  const { home, trustProjectConfig } = options.values
  return {
    base,
    async resolve(named) {
      const real = await realDirectory(named)
      if (!trustProjectConfig)
        await refuseProjectCode(named.input, real, { home, env: secretOptions(options).env })
      return real
    },
    async isSame(sent, answered) {
      if (answered === undefined || answered === sent) return answered === sent
      const real = await realpath(answered).catch(() => undefined)
      return real === sent
    },
  }
}

/** Returns the directory that a server's options name; `isShown` if only the host reads the messages. */
export const ownDirectory = ({ values }: CompiledOptions, isShown = false): NamedDirectory => ({
  input: 'option directory',
  directory: values.directory,
  isShown,
})

/** Returns the directory of a turn: its own, else that of the options; `undefined`: the one in which the server was started. */
export function turnDirectory(
  given: string | undefined,
  options: CompiledOptions,
): NamedDirectory | undefined {
  if (given !== undefined) return { input: 'turn input directory', directory: given }
  return options.values.directory === '' ? undefined : ownDirectory(options)
}

/** Policy of a server that another program manages, perhaps on another machine: guarding its directories is the manager's job. */
export const remoteDirectories: DirectoryPolicy = {
  base: undefined,
  resolve: ({ directory }) => Promise.resolve(directory),
  isSame: (sent, answered) => Promise.resolve(answered === undefined || mayBeSame(sent, answered)),
}
