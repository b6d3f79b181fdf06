import type { AgentUser } from '../../config/agent-user.ts'
import { InvalidOptionsError } from '../../errors.ts'
import { runAs } from '../process/run-as.ts'

/** Paths that the user of a server must reach. */
export interface NeededPaths {
  home: string
  directory: string
  /** Binary of the server; `undefined` if the option `spawn` decides what runs. */
  binary: string | undefined
}

/** Script of the check; its exit code is the number of the first path that the user cannot use. */
const script = 'cd -- "$1" || exit 1; cd -- "$2" || exit 2; [ -z "$3" ] || [ -x "$3" ] || exit 3'

/**
 * Checks, with the rights of the server's user, that this user can enter the home and the directory, and run
 * the binary. The check is advice only: the system decides at the start.
 *
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) that names the path, and what to do
 */
export async function requireAccess(
  user: AgentUser,
  { home, directory, binary }: NeededPaths,
): Promise<void> {
  const code = await runAs(user, ['/bin/sh', '-c', script, 'sh', home, directory, binary ?? ''])
  const problem = [
    [1, 'enter the home', home, 'Give the folders above the mode 0711 (or wider)'],
    [
      2,
      'enter the directory',
      directory,
      'Give it to this user, and the folders above the mode 0711 (or wider)',
    ],
    [3, 'run the binary', binary, 'Install it where all users can run it, for example below /usr/local'],
  ].find(([number]) => number === code)
  if (problem === undefined) return
  const [, what, path, advice] = problem
  throw new InvalidOptionsError(
    `Invalid option uid: expected a user who can ${what} ${JSON.stringify(path)}, got ${user.uid}. ${advice}`,
  )
}
