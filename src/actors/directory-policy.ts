import { realpath } from 'node:fs/promises'
import { secretOptions, type CompiledOptions } from '../compiled-options.ts'
import { mayBeSame } from '../io/directory-name.ts'
import { refuseProjectCode } from '../io/project-code.ts'
import { realDirectory, type NamedDirectory } from '../io/real-directory.ts'

/** Decides where sessions may work, and what the server is told of it. */
export interface DirectoryPolicy {
  /**
   * Resolves with the directory that the server is sent for a named one. Rejects with `InvalidOptionsError` for one that
   * may not be worked in. Asked before each prompt: what is there may have changed.
   */
  resolve(named: NamedDirectory): Promise<string>
  /** Resolves with whether a directory that the server answered is the one that it was sent. */
  isSame(sent: string, answered: string | undefined): Promise<boolean>
  /**
   * The directory in which the server is asked about a session whose own one was not resolved yet, so that nothing of
   * that one is loaded; `undefined` where nothing is guarded.
   */
  readonly base: string | undefined
}

/**
 * The policy of a server on this machine: the real path of a directory that exists and whose project runs no code of its
 * own in the server, which the option `trustProjectConfig` allows. `base` is the server's own directory, resolved.
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

/** The directory that a server's options name; `isShown` where only the host reads the messages. */
export const ownDirectory = ({ values }: CompiledOptions, isShown = false): NamedDirectory => ({
  input: 'option directory',
  directory: values.directory,
  isShown,
})

/** The directory of a turn: its own, else the one of the options; `undefined`: where the server was started. */
export function turnDirectory(
  given: string | undefined,
  options: CompiledOptions,
): NamedDirectory | undefined {
  if (given !== undefined) return { input: 'turn input directory', directory: given }
  return options.values.directory === '' ? undefined : ownDirectory(options)
}

/** The policy of a server that somebody else manages, perhaps on another machine: its own directories are its manager's to guard. */
export const remoteDirectories: DirectoryPolicy = {
  base: undefined,
  resolve: ({ directory }) => Promise.resolve(directory),
  isSame: (sent, answered) => Promise.resolve(answered === undefined || mayBeSame(sent, answered)),
}
