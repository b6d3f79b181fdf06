import { realpath } from 'node:fs/promises'
import { agentUserOf } from '../../config/agent-user.ts'
import { secretOptions, type CompiledOptions } from '../../config/compiled-options.ts'
import { mayBeSame } from '../../io/opencode/directory-name.ts'
import { refuseProjectCode } from '../../io/opencode/project-code.ts'
import { realDirectory, type NamedDirectory } from '../../io/home/real-directory.ts'

/** Policy of the directories in which sessions may work, and of the path that the server is sent. */
export interface DirectoryPolicy {
  /**
   * Resolves with the path that the server is sent for a named directory. The caller asks before each prompt,
   * because the directory's content may have changed.
   *
   * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) if the directory is not allowed
   */
  resolve(named: NamedDirectory): Promise<string>
  /** Resolves with whether the directory in the server's answer is the directory that the server was sent. */
  isSame(sent: string, answered: string | undefined): Promise<boolean>
  /**
   * Directory of requests for a session whose own directory is not resolved yet, so that opencode loads
   * nothing from the session's directory; `undefined` if the policy guards no directory.
   */
  readonly base: string | undefined
}

/**
 * Returns the policy of a server on this machine. The policy resolves a directory to its real path, and
 * allows an existing directory whose project runs no code in the server (`trustProjectConfig` allows that
 * code).
 *
 * @param base - the server's own directory, resolved
 */
export function directoryPolicy(options: CompiledOptions, base?: string): DirectoryPolicy {
  const { home, trustProjectConfig } = options.values
  return {
    base,
    async resolve(named) {
      const real = await realDirectory(named)
      if (!trustProjectConfig)
        await refuseProjectCode(named.input, real, {
          home,
          env: secretOptions(options).env,
          user: agentUserOf(options.values),
        })
      return real
    },
    async isSame(sent, answered) {
      if (answered === undefined || answered === sent) return answered === sent
      const real = await realpath(answered).catch(() => undefined)
      return real === sent
    },
  }
}

/**
 * Returns the directory in a server's options.
 *
 * @param isShown - `true` if only the host reads the messages
 */
export const ownDirectory = ({ values }: CompiledOptions, isShown = false): NamedDirectory => ({
  input: 'option directory',
  directory: values.directory,
  isShown,
})

/**
 * Returns the directory of a turn: its own directory, else the directory of the options; `undefined`: the
 * directory in which the server was started.
 */
export function turnDirectory(
  given: string | undefined,
  options: CompiledOptions,
): NamedDirectory | undefined {
  if (given !== undefined) return { input: 'turn input directory', directory: given }
  return options.values.directory === '' ? undefined : ownDirectory(options)
}

/**
 * Policy of a server that another program manages, perhaps on another machine; that program guards the
 * directories.
 */
export const remoteDirectories: DirectoryPolicy = {
  base: undefined,
  resolve: ({ directory }) => Promise.resolve(directory),
  isSame: (sent, answered) => Promise.resolve(answered === undefined || mayBeSame(sent, answered)),
}
