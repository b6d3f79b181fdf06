import { readdir, realpath, stat } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import type { AgentUser } from '../../config/agent-user.ts'
import { InvalidOptionsError } from '../../errors.ts'
import { readPlainFile } from '../home/plain-file.ts'
import { asHostFault, isHostFault } from '../host/host-fault.ts'
import { worktreeOf } from './worktree.ts'

/** Home and variables of the server that runs in a project's directory. */
export interface ProjectOwner {
  /** Home of the server. Its config is the user's own, not the project's. */
  home: string
  /** Variables that the user set for the server. */
  env: Record<string, string>
  /** User of the server, if that is not the host's user. */
  user?: AgentUser | undefined
}

/**
 * Returns the path of the first file of a project whose code the server would run without being asked;
 * `undefined` if there is none. A file that cannot be read is no danger, because the server runs as the same
 * user.
 * @throws HostFaultError if the host cannot read the folders at the moment
 * @throws InvalidOptionsError if the folders cannot be read for another reason
 * @remarks Observed in opencode 1.18.33: at the first request that names a directory, or a session in it, the
 *   server searches the directory (links resolved) and all folders above, up to the root of its git worktree,
 *   or to `/`. Whatever its flags say, it loads:
 * - each `.js` and `.ts` file, links included, directly in a `.opencode/plugin` or `.opencode/plugins`,
 * - each plugin that an `opencode.json` or `opencode.jsonc` names, in the folder or in its `.opencode`.
 */
export const findProjectCode = (directory: string, owner: ProjectOwner): Promise<string | undefined> =>
  findUp(directory, owner, codeOf)

/**
 * Returns the first config of a project, in the same folders: `opencode.json` or `opencode.jsonc`, also in
 * `.opencode`.
 */
export const findProjectConfig = (directory: string, owner: ProjectOwner): Promise<string | undefined> =>
  findUp(directory, owner, configOf)

async function findUp(
  directory: string,
  owner: ProjectOwner,
  find: (folder: string) => Promise<string | undefined>,
): Promise<string | undefined> {
  const [start, home] = await Promise.all([realOf(directory), realOf(owner.home)])
  // Folders are read in parallel, because each turn waits for the result.
  const files = await Promise.all(
    upFrom(start).map(async (folder) => ({
      folder,
      file: folder === home ? undefined : await find(folder),
    })),
  )
  const nearest = files.find(({ file }) => file !== undefined)
  if (nearest === undefined) return undefined
  const root = await worktreeOf(start, owner)
  // A root outside of the directory's parents does not end the search, because `core.worktree` may name any
  // folder.
  const isEnd = root !== undefined && isWithin(start, root)
  return isEnd && !isWithin(nearest.folder, root) ? undefined : nearest.file
}

/**
 * Rejects a directory whose project would run its own code in the server, with the agent's key.
 * @param what - the input that names the directory
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) that names the file, relative to the directory
 */
export async function refuseProjectCode(what: string, directory: string, owner: ProjectOwner): Promise<void> {
  const file = await findProjectCode(directory, owner)
  if (file === undefined) return
  const name = relative(await realOf(directory), file)
  throw new InvalidOptionsError(
    `Invalid ${what}: the server would run the project's own code with the agent's key: ${name}. ` +
      'Remove that file, or set the option trustProjectConfig: true if you trust the project',
  )
}

function upFrom(folder: string): string[] {
  const above = dirname(folder)
  return above === folder ? [folder] : [folder, ...upFrom(above)]
}

const isWithin = (folder: string, root: string): boolean => upFrom(folder).includes(root)

/** Returns the first file of one folder that the server would run. */
async function codeOf(folder: string): Promise<string | undefined> {
  const own = join(folder, '.opencode')
  const hasOwn = (await lenient(stat(own))) !== undefined
  for (const file of [...configsIn(folder), ...(hasOwn ? configsIn(own) : [])])
    if (await namesPlugin(file)) return file
  if (!hasOwn) return undefined
  for (const plugins of [join(own, 'plugin'), join(own, 'plugins')]) {
    const entries = (await lenient(readdir(plugins, { withFileTypes: true }))) ?? []
    const code = entries.find((entry) => !entry.isDirectory() && /\.[jt]s$/i.test(entry.name))
    if (code) return join(plugins, code.name)
  }
  return undefined
}

async function configOf(folder: string): Promise<string | undefined> {
  for (const file of configsOf(folder)) if (await isFile(file)) return file
  return undefined
}

const configsOf = (folder: string): string[] => [
  ...configsIn(folder),
  ...configsIn(join(folder, '.opencode')),
]

const configsIn = (folder: string): string[] => [
  join(folder, 'opencode.json'),
  join(folder, 'opencode.jsonc'),
]

const isFile = async (file: string): Promise<boolean> => (await lenient(stat(file)))?.isFile() ?? false

/** Returns whether a config file may name a plugin; see {@link mentionsPlugin}. */
export async function namesPlugin(file: string): Promise<boolean> {
  const text = (await isFile(file)) ? await lenient(readPlainFile(file)) : undefined
  return text !== undefined && mentionsPlugin(text)
}

/**
 * Returns whether a config's text may name a plugin. In text that is not plain JSON, the word alone counts,
 * and so does an escape that may spell it. There is no second reader of JSONC, because a project could trick
 * it.
 */
export function mentionsPlugin(text: string): boolean {
  if (!/plugin|\\u/i.test(text)) return false
  try {
    return hasPlugin(JSON.parse(text.replace(/^\uFEFF/, '')))
  } catch {
    return true
  }
}

/**
 * Returns whether a value holds a plugin key at any depth, because a key may reach the top through
 * `__proto__`.
 */
function hasPlugin(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).some(
    ([key, inner]) => (isPluginKey(key) && !isEmpty(inner)) || hasPlugin(inner),
  )
}

const isPluginKey = (key: string): boolean => /^plugins?$/i.test(key)
const isEmpty = (value: unknown): boolean => Array.isArray(value) && value.length === 0

const realOf = async (path: string): Promise<string> => (await lenient(realpath(path))) ?? path

/** Error codes of a path that does not exist, or that this user may not read. */
const absent = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'ELOOP', 'ENAMETOOLONG'])

async function lenient<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (absent.has(code)) return undefined
    if (isHostFault(error))
      throw asHostFault(error, 'The directory could not be searched for code of the project')
    throw new InvalidOptionsError(`The directory could not be searched for code of the project (${code})`, {
      cause: error,
    })
  }
}
