import { access, constants, readdir, readFile } from 'node:fs/promises'
import { shellProblem } from '../../io/host/shell.ts'
import { isOlder, oldestNode } from '../../io/opencode/versions.ts'
import type { Check } from './context.ts'
import { failure, ok, skipped, warning, type Finding } from './finding.ts'

const names: Partial<Record<NodeJS.Platform, string>> = { darwin: 'macOS', linux: 'Linux', win32: 'Windows' }

/** Checks the platform. Linux is tested; on other platforms the finding says what is not covered. */
export const checkPlatform: Check = ({ platform }) => {
  const name = names[platform] ?? platform
  if (platform === 'linux') return [ok('platform', `${name} ${process.arch}`)]
  const found =
    platform === 'win32'
      ? `${name} is untested. Without process groups and file modes, a stop may leave processes, and every user who can read the home's folder can read the key`
      : `${name} is untested: a stop ends the process group, but no command that left the group`
  return [warning('platform', found, 'If this matters, run the server on Linux, for example in a container.')]
}

/** Checks the Node that runs this process, because the same Node would run the server's host. */
export const checkNode: Check = ({ nodeVersion }) => [
  isOlder(nodeVersion, oldestNode)
    ? failure('node', `${nodeVersion} is too old`, `Install Node ${oldestNode} or newer.`)
    : ok('node', nodeVersion),
]

/**
 * Checks `/proc`. The runtime uses `/proc` to find the processes that carry a spawn's marker, that is,
 * commands outside the process group; to read the memory of these processes; and to tell whether the process
 * that locked a home, or was left in a home, is still the same process.
 */
export const checkProc: Check = ({ platform }) => inspectProc(platform, '/proc')

/** Checks `/proc` where it is mounted at `folder`; see {@link checkProc}. */
export async function inspectProc(platform: NodeJS.Platform, folder: string): Promise<Finding[]> {
  if (platform === 'win32')
    return [skipped('proc', 'Linux only: on Windows, memory limits and the search for orphans do not work')]
  if (platform !== 'linux')
    return [skipped('proc', 'Linux only: here a stop ends only the process group, and ps reports its memory')]
  const problem = await procProblem(folder)
  if (problem === undefined)
    return [ok('proc', `${folder} shows the environment and the memory of this user's processes`)]
  const advice =
    'Mount procfs there and let this user read its own processes. Stops, locks and memory limits need it.'
  return [failure('proc', problem, advice)]
}

async function procProblem(folder: string): Promise<string | undefined> {
  try {
    const pids = await readdir(folder)
    if (!pids.includes(String(process.pid))) return `${folder} does not list this process`
    const own = ['environ', 'stat', 'status', 'cmdline'].map((name) => `${folder}/${process.pid}/${name}`)
    for (const file of [...own, `${folder}/sys/kernel/random/boot_id`])
      if ((await readFile(file, 'latin1')) === '' && !file.endsWith('environ')) return `${file} is empty`
    return undefined
  } catch (error) {
    const { code = 'unknown', path = folder } = error as NodeJS.ErrnoException
    return `${path} cannot be read (${code})`
  }
}

/** Checks `/bin/sh`, which runs the watcher of each server, and `SHELL`, which runs the agent's commands. */
export const checkShell: Check = async ({ platform, env }) => [
  ...(await inspectShell(platform, '/bin/sh')),
  ...inspectShellVariable(env),
]

/** Checks that `SHELL` runs commands; otherwise `SHELL` is left out of the server's environment. */
function inspectShellVariable({ SHELL: shell = '', PATH: path }: NodeJS.ProcessEnv): Finding[] {
  const problem = shell === '' ? undefined : shellProblem(shell, path)
  if (problem === undefined) return []
  const found = `SHELL is ${shell}, which ${problem}, so the server gets no SHELL`
  const advice =
    'The agent’s commands run in bash, or in /bin/sh if bash is missing. To use another shell, set SHELL in the environment or in the option env.'
  return [warning('shell', found, advice)]
}

/** Checks the shell in `file`; see {@link checkShell}. */
export async function inspectShell(platform: NodeJS.Platform, file: string): Promise<Finding[]> {
  if (platform === 'win32') return [skipped('shell', 'Windows has no /bin/sh')]
  try {
    await access(file, constants.X_OK)
    return [ok('shell', file)]
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException
    const advice =
      'Install a shell there. It runs the agent’s commands, and it ends the server if the host is killed.'
    return [warning('shell', `${file} cannot be run (${code})`, advice)]
  }
}
