import { stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { requireDescriptors } from '../host/descriptors.ts'
import { noServer, serverEnvironment } from './environment.ts'
import { loadExeca } from '../process/load-execa.ts'
import type { ProjectOwner } from './project-code.ts'

/** Time limit of a git command, in ms. */
const timeoutMs = 5_000

/**
 * Returns the root of the git worktree that a folder is in, as opencode 1.18.33 determines it; `undefined` if
 * there is none, in which case opencode searches up to `/`. Runs git at the nearest `.git` and in the
 * server's environment and as its user, because a worktree that git rejects (broken, or of another owner) does
 * not count.
 * @throws HostFaultError if git cannot be run at the moment
 */
export async function worktreeOf(
  folder: string,
  { home, env, user }: ProjectOwner,
): Promise<string | undefined> {
  const gitFolder = await nearestGit(folder)
  if (gitFolder === undefined) return undefined
  const { execa } = await loadExeca()
  const git = async (question: string) => {
    requireDescriptors('The git worktree could not be determined')
    const { exitCode, stdout } = await execa('git', ['rev-parse', question], {
      ...user,
      cwd: gitFolder,
      env: serverEnvironment({ ...noServer, home, env }),
      extendEnv: false,
      reject: false,
      stdin: 'ignore',
      timeout: timeoutMs,
    })
    // Only the last line end is removed, because a folder's name may end in spaces.
    return exitCode === 0 ? stdout : undefined
  }
  const [top, own, common] = await Promise.all(['--show-toplevel', '--git-dir', '--git-common-dir'].map(git))
  if (own === undefined || common === undefined) return undefined
  return resolve(gitFolder, top ?? '.')
}

async function nearestGit(folder: string): Promise<string | undefined> {
  const isThere = await stat(join(folder, '.git')).then(
    () => true,
    () => false,
  )
  if (isThere) return folder
  const above = dirname(folder)
  return above === folder ? undefined : nearestGit(above)
}
