import { isAbsolute, relative, resolve } from 'node:path'
import { workspaceOf } from '../../config/workspace.ts'
import { configFolder } from '../../io/opencode/config-file.ts'
import { inspectPath } from '../../io/home/path-status.ts'
import type { Check } from './context.ts'
import { failure, ok, skipped, warning } from './finding.ts'
import { unusablePath } from './home.ts'

const check = 'directory'

/** Checks that the agent can work in its directory: the given directory, or the home's workspace. */
export const checkDirectory: Check = async ({ home, directory: given }) => {
  const directory = given ?? (home === undefined ? undefined : workspaceOf(home))
  if (directory === undefined)
    return [skipped(check, 'give --directory, or give --home to check its workspace')]
  const status = await inspectPath(directory)
  if (status.kind === 'folder' && !status.isWritable)
    return [
      warning(
        check,
        `${directory} cannot be written`,
        'An agent that only reads can work there. Otherwise, give this user write access.',
      ),
    ]
  const problem = unusablePath(check, directory, status)
  if (problem !== undefined) return [problem]
  if (status.kind === 'absent' && (home === undefined || resolve(directory) !== resolve(workspaceOf(home))))
    return [
      failure(check, `${directory} does not exist`, 'Create the directory, or give another --directory.'),
    ]
  if (home !== undefined && isInside(configFolder(home), directory))
    return [
      warning(
        check,
        `${directory} contains the home's config, which holds the key`,
        'Give a separate --directory, or leave --directory out to use HOME_DIR/workspace.',
      ),
    ]
  return [
    ok(check, status.kind === 'folder' ? directory : `${directory} does not exist yet and can be created`),
  ]
}

function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path)
  return !isAbsolute(way) && way.split(/[\\/]/, 1)[0] !== '..'
}
