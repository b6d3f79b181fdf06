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
    const [file = '', ...args] = wrapped
    return execa(file, args, {
      ...user,
      cwd: directory,
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

/** Function that starts the process of a server. */
export type StartProcess = Awaited<ReturnType<typeof loadStartProcess>>

/** Started process of a server. */
export type StartedProcess = ReturnType<StartProcess>
