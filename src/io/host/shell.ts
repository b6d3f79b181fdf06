import { accessSync, constants, realpathSync, statSync } from 'node:fs'
import { basename, delimiter, isAbsolute, join } from 'node:path'
import { ignoreErrors } from '../../util/ignore-errors.ts'

/** Programs that the user database names as the shell of users who must not log in. They are never run. */
const noShells =
  /^(nologin|false|true|sync|halt|shutdown|reboot|poweroff|passwd|git-shell|sftp-server|scponly|rssh|nosh|noshell)(\.exe)?$/i

/**
 * Returns why a `SHELL` runs no commands ("is not a shell"); `undefined` if it may run them.
 * @param path - the `PATH` on which a bare name is looked up
 */
export function shellProblem(shell: string, path = ''): string | undefined {
  if (isNoShell(shell)) return 'is not a shell'
  if (process.platform === 'win32') return undefined
  const file = shell.includes('/') ? shell : onPath(shell, path)
  if (file === undefined) return 'is not on PATH'
  if (!isAbsolute(file)) return 'is not an absolute path'
  const real = ignoreErrors(() => realpathSync(file))
  if (real === undefined) return 'does not exist'
  if (isNoShell(real)) return 'is not a shell'
  if (!isProgram(real)) return 'cannot be run'
  return runsCommands(file) ? undefined : 'runs no commands'
}

/**
 * Results of {@link runsCommands}, by path and modification time of the program, so that each program is
 * tested once.
 */
const results = new Map<string, boolean>()

/** Time limit of the test, in ms. A shell answers in a few ms; a slower program is left to opencode. */
const answerTimeoutMs = 2_000

/**
 * Returns whether a program runs a command as a shell does, `-c 'echo …'`. If the program cannot be run at
 * the moment, returns true.
 */
function runsCommands(file: string): boolean {
  const key = `${file} ${statSync(file).mtimeMs}`
  const known = results.get(key)
  if (known !== undefined) return known
  // Loaded here, so that an import of the package loads nothing that starts processes.
  const { spawnSync } = process.getBuiltinModule('node:child_process')
  const { error, stdout } = spawnSync(file, ['-c', 'echo a shell'], {
    cwd: '/',
    env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: answerTimeoutMs,
  })
  if (error) return true
  const answer = stdout.trim() === 'a shell'
  results.set(key, answer)
  return answer
}

const isNoShell = (file: string): boolean => noShells.test(basename(file))

export const isProgram = (file: string): boolean =>
  ignoreErrors(() => {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  }) ?? false

/**
 * Returns the program of a name on PATH. Does not use `which`, because that package would be loaded with this
 * package.
 */
const onPath = (name: string, path: string): string | undefined =>
  path
    .split(delimiter)
    .filter(isAbsolute)
    .map((folder) => join(folder, name))
    .find(isProgram)
