import { workspaceOf } from '../../config/workspace.ts'
import { findProjectCode, findProjectConfig } from '../../io/opencode/project-code.ts'
import type { Check } from './context.ts'
import { failure, ok, skipped } from './finding.ts'

const check = 'project'

/** Path that no project is in; used if no home is given. */
const noHome = '/dev/null'

/**
 * Checks that the agent's directory belongs to no project whose own code a server would run; no server starts
 * in such a project.
 */
export const checkProject: Check = async ({ home, directory: given }) => {
  const directory = given ?? (home === undefined ? undefined : workspaceOf(home))
  if (directory === undefined)
    return [skipped(check, 'give --directory, or give --home to check its workspace')]
  const owner = { home: home ?? noHome, env: {} }
  const code = await findProjectCode(directory, owner)
  if (code !== undefined)
    return [
      failure(
        check,
        `the server would run the project's own code with the agent's key: ${code}`,
        'Remove that file, or set the server option trustProjectConfig: true if you trust the project.',
      ),
    ]
  const config = await findProjectConfig(directory, owner)
  if (config === undefined) return [ok(check, `${directory} has no config of its own`)]
  return [ok(check, `${config} is not loaded unless the server option trustProjectConfig is true`)]
}
