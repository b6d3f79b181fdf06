import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, readFile, rename, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { execa } from 'execa'

/** Python with the pinned packages of a suite, or the reason why this machine cannot have one. */
export type PythonVenv = { python: string } | { missing: string }

/** Packages of a suite. */
export interface VenvOptions {
  /** Name of the suite's folder in the cache. */
  name: string
  /** Package that an index must have; without the package, the suite is skipped. */
  packageName: string
  /** Folder with `requirements.txt` and `constraints.txt`. */
  folder: string
  /** Cost of the install, for the log. */
  cost: string
}

/** Python versions for which the pinned versions have wheels. */
const pythons = ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11', 'python']
const venvNeeds = 'Python 3.11 to 3.14 with venv, and a package index that pip can reach'
const probe =
  'import sys, venv, ensurepip; v = sys.version_info; print(*v[:2]); sys.exit(not (3, 11) <= v < (3, 15))'

/**
 * Returns the virtual environment of a suite; creates it if necessary. A new environment is built beside its final path
 * and renamed, so that an interrupted install never counts as complete.
 *
 * Returns `missing` only without a Python with `venv`, or without a package index that has the package.
 * @throws Error for any other failure
 */
export async function pythonVenv(options: VenvOptions): Promise<PythonVenv> {
  const host = await findPython()
  if (!host) return { missing: `no Python 3.11 to 3.14 with venv and pip (tried ${pythons.join(', ')})` }
  const cache = join(import.meta.dirname, '../../node_modules/.cache', `opencode-runtime-${options.name}`)
  const folder = join(cache, await cacheKey(host.version, options))
  const python = pythonOf(folder)
  if (existsSync(python)) return { python }
  const partial = `${folder}.${process.pid}`
  try {
    await execa(host.command, ['-m', 'venv', partial])
    const missing = await missingIndex(pythonOf(partial), options)
    if (missing !== undefined) return { missing }
    console.log(`Installing ${options.packageName} into ${cache}: ${options.cost}, once`)
    await install(pythonOf(partial), options)
    await moveInto(cache, folder, partial)
    return { python }
  } finally {
    await rm(partial, { recursive: true, force: true })
  }
}

/** Returns the text that tells that a suite did not run. */
export function skipBanner(tests: string, missing: string, needs = venvNeeds): string {
  const line = '*'.repeat(78)
  const reason = missing.split('\n').map((words) => `*   ${words}`)
  return [
    '',
    line,
    `*  SKIPPED: ${tests} did NOT run.`,
    '*',
    ...reason,
    '*',
    `*  They need ${needs}.`,
    line,
    '',
  ].join('\n')
}

const pythonOf = (folder: string): string => join(folder, 'bin', 'python')
const requirementsOf = ({ folder }: VenvOptions): string => join(folder, 'requirements.txt')
const constraintsOf = ({ folder }: VenvOptions): string => join(folder, 'constraints.txt')

async function findPython(): Promise<{ command: string; version: string } | undefined> {
  for (const command of pythons) {
    const { exitCode, stdout } = await execa(command, ['-c', probe], { reject: false })
    if (exitCode === 0) return { command, version: stdout }
  }
  return undefined
}

async function cacheKey(version: string, options: VenvOptions): Promise<string> {
  const hash = createHash('sha256').update(version)
  for (const file of [requirementsOf(options), constraintsOf(options)]) hash.update(await readFile(file))
  return hash.digest('hex').slice(0, 16)
}

/** Message of pip if no index has any version of the package. An index without the pinned version is a failure. */
async function missingIndex(python: string, { packageName }: VenvOptions): Promise<string | undefined> {
  const options = ['--dry-run', '--no-deps', '--no-cache-dir', '--retries', '1', '--timeout', '15']
  const { exitCode, all } = await execa(python, pip('install', ...options, packageName), {
    all: true,
    reject: false,
  })
  if (exitCode === 0 || !all.includes('(from versions: none)')) return undefined
  return `no package index that has ${packageName}. pip says:\n${all.split('\n').slice(-6).join('\n')}`
}

async function install(python: string, options: VenvOptions): Promise<void> {
  const files = ['-r', requirementsOf(options), '-c', constraintsOf(options)]
  // Bytecode is compiled only on import, because compiling everything takes longer than the tests.
  await execa(python, pip('install', '--quiet', '--no-compile', ...files))
}

const pip = (...args: string[]): string[] => [
  '-m',
  'pip',
  '--disable-pip-version-check',
  '--no-input',
  ...args,
]

/** Moves a complete environment to its final path. An environment that another process moved there meanwhile is kept. */
async function moveInto(cache: string, folder: string, partial: string): Promise<void> {
  await removeOthers(cache, folder)
  if (existsSync(pythonOf(folder))) return
  await rm(folder, { recursive: true, force: true })
  await rename(partial, folder)
}

/** Removes environments of other pins and of interrupted installs, but none that another process still builds. */
async function removeOthers(cache: string, folder: string): Promise<void> {
  for (const name of await readdir(cache)) {
    const builder = Number(name.split('.')[1])
    if (name !== basename(folder) && !isAlive(builder))
      await rm(join(cache, name), { recursive: true, force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
