import { loadExeca } from './load-execa.ts'
import type { AgentUser } from '../../config/agent-user.ts'
import type { SpawnCommand } from './spawn-command.ts'

/**
 * Loads the function that starts the process of a server in its own process group.
 *
 * @throws HostFaultError if the module cannot be read at the moment
 */
export async function loadStartProcess() {
  const { execa } = await loadExeca()
  return ({ own, wrapped = own, env }: SpawnCommand, directory: string, user: AgentUser | undefined) => {
    const [file = '', ...args] = user ? enterAndRun(directory, wrapped) : wrapped
    return execa(file, args, {
      ...user,
      cwd: user ? '/' : directory,
      env,
      extendEnv: false,
      detached: true,
      cleanup: false,
      stdin: 'ignore',
      buffer: false,
      reject: false,
      windowsHide: true,
    })
  }
}

/**
 * Returns a command that enters a directory with the rights of its user, and then becomes another command. Node
 * would enter the directory with the rights of the host, through links that the user may have made meanwhile.
 */
const enterAndRun = (directory: string, command: readonly string[]): string[] => [
  ...['/bin/sh', '-c', 'cd -- "$0" && exec "$@"'],
  ...[directory, ...command],
]

/** Function that starts the process of a server. */
export type StartProcess = Awaited<ReturnType<typeof loadStartProcess>>

/** Started process of a server. */
export type StartedProcess = ReturnType<StartProcess>
