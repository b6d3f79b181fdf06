import { dirname } from 'node:path'
import { configFolder } from '../../io/opencode/config-file.ts'
import { inspectPath, statOf, type PathStatus } from '../../io/home/path-status.ts'
import type { Check } from './context.ts'
import { failure, ok, skipped, warning, type Finding } from './finding.ts'
import { foreignHome } from './home-user.ts'

/**
 * Checks that a server can own its home: the home can be made or written, it belongs to this user, and no
 * other user can put files into it.
 */
export const checkHome: Check = async (context) => {
  const { home, platform } = context
  if (home === undefined) return [skipped('home', 'give --home')]
  const [status, config] = [await inspectPath(home), await inspectPath(configFolder(home))]
  const problem = unusablePath('home', home, status) ?? unusablePath('home', configFolder(home), config)
  if (problem !== undefined) return [problem]
  const [from, isThere] = status.kind === 'absent' ? [status.ancestor, false] : [home, true]
  const finding =
    (status.kind === 'folder' ? await foreignHome(home, status.stats, context) : undefined) ??
    (platform === 'win32' ? undefined : await sharedFinding(home, from))
  return [finding ?? ok('home', isThere ? home : `${home} does not exist yet and can be created`)]
}

/** Returns the failure of a path where no folder can be used or made. `check` is also the flag's name. */
export function unusablePath(check: string, path: string, status: PathStatus): Finding | undefined {
  const another = `or give another --${check}.`
  switch (status.kind) {
    case 'blocked':
      return failure(check, `${status.path} ${status.why}`, `Move ${status.path} away, ${another}`)
    case 'inaccessible':
      return failure(
        check,
        `${path} cannot be accessed (${status.code})`,
        `Give this user access to the folders above, ${another}`,
      )
    case 'absent':
      if (status.code === undefined) return undefined
      return failure(
        check,
        `${path} does not exist and cannot be created in ${status.ancestor} (${status.code})`,
        status.code === 'EROFS'
          ? `The file system is read-only: mount a volume there, ${another}`
          : `Create the folder as root and chown it to this user, ${another}`,
      )
    case 'folder':
      if (status.isWritable) return undefined
      return failure(check, `${path} cannot be written`, `Give this user write access, ${another}`)
  }
}

/**
 * Returns the finding about a folder that all users may write, at the home or above it: such users may
 * replace what is below. Searches from `from` upwards.
 */
export async function sharedFinding(
  home: string,
  from: string,
  modeOf: (folder: string) => Promise<number> = mode,
): Promise<Finding | undefined> {
  for (let folder = from; ; folder = dirname(folder)) {
    const bits = await modeOf(folder)
    if ((bits & 0o002) !== 0) return shared(home, folder, (bits & 0o1000) !== 0)
    if (dirname(folder) === folder) return undefined
  }
}

/**
 * Returns the warning about a folder that all users may write. If `isSticky`, users cannot replace each
 * other's entries there.
 */
function shared(home: string, folder: string, isSticky: boolean): Finding {
  if (folder === home) return warning('home', `all users may write ${home}`, `Run chmod 700 ${home}.`)
  const finding = isSticky
    ? `${home} is inside ${folder}, which all users may write and the system may empty`
    : `${home} is inside ${folder}, where all users may replace it`
  return warning('home', finding, 'Give a --home in a folder that only this user may write.')
}

async function mode(folder: string): Promise<number> {
  const stats = await statOf(folder)
  return typeof stats === 'string' ? 0 : stats.mode
}
