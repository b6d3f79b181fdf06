import type { AgentUser } from '../../config/agent-user.ts'
import { requireDescriptors } from '../host/descriptors.ts'
import { loadExeca } from './load-execa.ts'

/** Time limit of a small command, in ms. */
const timeoutMs = 20_000

/**
 * Runs a small program of the system as another user, with its rights and no more; resolves with its exit code,
 * `undefined` if it could not run.
 * @throws HostFaultError if too few descriptors are free
 */
export async function runAs(
  user: AgentUser,
  argv: readonly [string, ...string[]],
): Promise<number | undefined> {
  const { execa } = await loadExeca()
  requireDescriptors('A command could not be run as another user')
  const [file, ...args] = argv
  const { exitCode } = await execa(file, args, {
    ...user,
    cwd: '/',
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' },
    extendEnv: false,
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'ignore',
    reject: false,
    timeout: timeoutMs,
  })
  return exitCode
}
