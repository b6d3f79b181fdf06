import { lstat, mkdir, readdir, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { AgentUser } from '../../config/agent-user.ts'
import { makeOwnFolder } from '../home/held-folder.ts'
import { inHomeFolder } from '../home/home-folder.ts'
import { readPlainFile } from '../home/plain-file.ts'
import { configSegments } from './config-file.ts'
import { hostPluginName } from './host-plugin.ts'
import { replaceFile } from '../home/private-file.ts'
import { mentionsPlugin, namesPlugin } from './project-code.ts'

/**
 * Keeps opencode from installing its package `@opencode-ai/plugin` into the home, unless a tool, a plugin or
 * a `package.json` there may need it. In that case the placeholder of an earlier call is removed, so that
 * opencode installs the package. Files of the user and of opencode stay unchanged. Never rejects: a home that
 * cannot be written is reported when the config is written.
 *
 * @param owner - owner of the home, if the host must not trust its content; see `homeOwnerOf`
 * @remarks Observed in opencode 1.18.33: at the first request of a directory the server installs the package
 *   into each config folder (`$XDG_CONFIG_HOME/opencode`, `~/.opencode`, `OPENCODE_CONFIG_DIR`, a trusted
 *   project's `.opencode`), in its own process and over the network: 64 MB, and 31 MB in `~/.npm`. It skips
 *   the install if `node_modules` exists and the root entry of `package-lock.json` lists the package. Only
 *   tools and plugins wait for the install.
 */
export async function settlePluginPackage(
  home: string,
  env: Record<string, string>,
  owner?: AgentUser,
): Promise<void> {
  for (const segments of [configSegments, ['.opencode']])
    await settleIn(home, segments, env, owner).catch(() => undefined)
}

async function settleIn(...[home, segments, env, owner]: SettleInput): Promise<void> {
  const named = join(home, ...segments)
  if (!(await isFolder(named))) return
  if (owner) await inHomeFolder(home, segments, owner, (folder) => settle(folder, env, owner))
  else await settle(named, env)
}

type SettleInput = [
  home: string,
  segments: readonly string[],
  env: Record<string, string>,
  owner: AgentUser | undefined,
]

async function settle(folder: string, env: Record<string, string>, owner?: AgentUser): Promise<void> {
  if (await needsPackage(folder, env)) await removePlaceholder(folder)
  else if (await isFree(folder)) await writePlaceholder(folder, owner)
}

/**
 * Text of the lock file that makes opencode skip its install. The exact text identifies the file as this
 * package's.
 */
const placeholder = `${JSON.stringify(
  {
    name: 'opencode-runtime-keeps-opencode-from-installing',
    lockfileVersion: 3,
    requires: true,
    packages: { '': { dependencies: { '@opencode-ai/plugin': '*' } } },
  },
  null,
  2,
)}\n`

const lockOf = (folder: string): string => join(folder, 'package-lock.json')
const modulesOf = (folder: string): string => join(folder, 'node_modules')

/**
 * Writes the placeholder. The lock file comes first, because an empty `node_modules` alone could not be
 * identified as this package's.
 */
async function writePlaceholder(folder: string, owner: AgentUser | undefined): Promise<void> {
  if (!(await isOurs(folder))) await replaceFile(lockOf(folder), placeholder, { owner })
  if (owner) makeOwnFolder(modulesOf(folder), owner)
  else await mkdir(modulesOf(folder), { recursive: true, mode: 0o700 })
}

/** Removes the placeholder, and no file of the user or of opencode. */
async function removePlaceholder(folder: string): Promise<void> {
  if (!(await isOurs(folder))) return
  // rmdir fails for a folder that is not empty; that folder stays.
  await rmdir(modulesOf(folder)).catch(() => undefined)
  await rm(lockOf(folder), { force: true })
}

async function isOurs(folder: string): Promise<boolean> {
  const file = lockOf(folder)
  return (await kindOf(file)) === 'file' && (await readPlainFile(file)) === placeholder
}

/** Returns whether no package manager has installed anything here, or begun to. */
async function isFree(folder: string): Promise<boolean> {
  const names = await readdir(folder)
  if (names.some((name) => othersFiles.test(name))) return false
  const [lock, modules] = [await kindOf(lockOf(folder)), await kindOf(modulesOf(folder))]
  if (lock === undefined) return modules === undefined
  if (!(await isOurs(folder))) return false
  return modules === undefined || (modules === 'folder' && (await readdir(modulesOf(folder))).length === 0)
}

/** Lock files of other package managers. */
const othersFiles = /^(bun\.lockb?|yarn\.lock|pnpm-lock\.yaml|npm-shrinkwrap\.json)$/

/**
 * Returns whether a file in a config folder, or in the configs that the user's variables name, may import the
 * package.
 */
async function needsPackage(folder: string, env: Record<string, string>): Promise<boolean> {
  if ((await kindOf(join(folder, 'package.json'))) !== undefined) return true
  for (const name of ['tool', 'tools', 'plugin', 'plugins'])
    if ((await list(join(folder, name))).some(mayImport)) return true
  // A config of the old TOML form is not read here, because opencode converts it at its start.
  if ((await kindOf(join(folder, 'config'))) === 'file') return true
  const { OPENCODE_CONFIG, OPENCODE_CONFIG_CONTENT } = env
  if (OPENCODE_CONFIG_CONTENT !== undefined && mentionsPlugin(OPENCODE_CONFIG_CONTENT)) return true
  const configs = ['config.json', 'opencode.json', 'opencode.jsonc'].map((name) => join(folder, name))
  for (const file of OPENCODE_CONFIG === undefined ? configs : [...configs, OPENCODE_CONFIG])
    if (await namesPlugin(file)) return true
  return false
}

/** Returns whether a file is code other than the generated plugin, which imports no package. */
const mayImport = (file: string): boolean => /\.[jt]s$/.test(file) && file !== hostPluginName

const list = (folder: string): Promise<string[]> => readdir(folder).catch(() => [])

/** Returns the kind of a path. Links are not followed, because the placeholder holds no link. */
async function kindOf(path: string): Promise<'file' | 'folder' | 'other' | undefined> {
  const stats = await lstat(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  })
  if (stats === undefined) return undefined
  return stats.isFile() ? 'file' : stats.isDirectory() ? 'folder' : 'other'
}

const isFolder = async (path: string): Promise<boolean> => (await kindOf(path)) === 'folder'
