import { readdir, readFile, realpath, stat } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { InvalidOptionsError } from '../../errors.ts'
import { asHostFault, isHostFault } from '../host/host-fault.ts'
import { worktreeOf } from './worktree.ts'

/** Whose directory it is, and what the server is run with. */
export interface ProjectOwner {
  /** The server's own home: what it says of itself is the user's word, not the project's. */
  home: string
  /** The user's own variables for the server. */
  env: Record<string, string>
}

/**
 * Finds what a project would have the server run, without being asked: the path of the first such file, `undefined` for
 * none. Opencode 1.18.33 loads, at the first request that names a directory or a session in it, whatever its flags say:
 * - each `.js` and `.ts` file, links too, right in a `.opencode/plugin` or `.opencode/plugins`,
 * - each plugin that an `opencode.json` or `opencode.jsonc` names, in the folder or in its `.opencode`,
 *
 * of the directory (its links resolved) and of all folders above it: up to the root of its git worktree, or to `/`.
 *
 * What cannot be read is no danger: the server is the same user. Rejects where it is not known what is there: with
 * `HostFaultError` where the host cannot tell for the moment, else with `InvalidOptionsError`.
 */
export const findProjectCode = (directory: string, owner: ProjectOwner): Promise<string | undefined> =>
  findUp(directory, owner, codeOf)

/** Finds, in the same folders, the first config of a project: `opencode.json` or `opencode.jsonc`, of `.opencode` too. */
export const findProjectConfig = (directory: string, owner: ProjectOwner): Promise<string | undefined> =>
  findUp(directory, owner, configOf)

async function findUp(
  directory: string,
  owner: ProjectOwner,
  look: (folder: string) => Promise<string | undefined>,
): Promise<string | undefined> {
  const [start, home] = await Promise.all([realOf(directory), realOf(owner.home)])
  // Side by side: each turn waits for this.
  const files = await Promise.all(
    upFrom(start).map(async (folder) => ({
      folder,
      file: folder === home ? undefined : await look(folder),
    })),
  )
  const nearest = files.find(({ file }) => file !== undefined)
  if (nearest === undefined) return undefined
  const root = await worktreeOf(start, owner)
  // A root outside of the directory's parents does not end the search: `core.worktree` may name any folder.
  const isEnd = root !== undefined && isWithin(start, root)
  return isEnd && !isWithin(nearest.folder, root) ? undefined : nearest.file
}

/**
 * Refuses a directory whose project would run code of its own in the server, with the agent's key. `what` names the
 * input that the directory comes from.
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) that names the file, seen from the directory.
 */
export async function refuseProjectCode(what: string, directory: string, owner: ProjectOwner): Promise<void> {
  const file = await findProjectCode(directory, owner)
  if (file === undefined) return
  const name = relative(await realOf(directory), file)
  throw new InvalidOptionsError(
    `Invalid ${what}: the server would run code of the project there, with the agent's key: ${name}. ` +
      'Remove that file, or set the option trustProjectConfig: true if you trust the project',
  )
}

function upFrom(folder: string): string[] {
  const above = dirname(folder)
  return above === folder ? [folder] : [folder, ...upFrom(above)]
}

const isWithin = (folder: string, root: string): boolean => upFrom(folder).includes(root)

/** What of one folder would run. */
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
  const text = (await isFile(file)) ? await lenient(readFile(file, 'utf8')) : undefined
  return text !== undefined && mentionsPlugin(text)
}

/**
 * Returns whether a config's text may name a plugin. Where it is not plain JSON the word alone counts, and so does an escape that
 * may spell it: no second reader of JSONC is to be outwitted.
 */
export function mentionsPlugin(text: string): boolean {
  if (!/plugin|\\u/i.test(text)) return false
  try {
    return hasPlugin(JSON.parse(text.replace(/^\uFEFF/, '')))
  } catch {
    return true
  }
}

/** At any depth: a key may reach the top by way of `__proto__`. */
function hasPlugin(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).some(
    ([key, inner]) => (isPluginKey(key) && !isEmpty(inner)) || hasPlugin(inner),
  )
}

const isPluginKey = (key: string): boolean => /^plugins?$/i.test(key)
const isEmpty = (value: unknown): boolean => Array.isArray(value) && value.length === 0

const realOf = async (path: string): Promise<string> => (await lenient(realpath(path))) ?? path

/** What is not there, and what this user may not read. */
const absent = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'ELOOP', 'ENAMETOOLONG'])

async function lenient<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked
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
