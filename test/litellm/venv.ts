import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, readFile, rename, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { execa } from 'execa'

/** Python with the pinned LiteLLM, or the reason why this machine cannot have one. */
export type LiteLLM = { python: string } | { missing: string }

const requirements = join(import.meta.dirname, 'requirements.txt')
const constraints = join(import.meta.dirname, 'constraints.txt')
const cache = join(import.meta.dirname, '../../node_modules/.cache/opencode-runtime-litellm')

/** Python versions for which the pinned versions have wheels. */
const pythons = ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11', 'python']
const probe =
  'import sys, venv, ensurepip; v = sys.version_info; print(*v[:2]); sys.exit(not (3, 11) <= v < (3, 15))'

/**
 * Returns the virtual environment with LiteLLM; creates it if necessary (one to three minutes, 700 MB). A new
 * environment is built beside its final path and renamed, so that an interrupted install never counts as complete.
 *
 * Returns `missing` only without a Python with `venv`, or without a package index that has LiteLLM.
 * @throws Error for any other failure
 */
export async function liteLLM(): Promise<LiteLLM> {
  const host = await findPython()
  if (!host) return { missing: `no Python 3.11 to 3.14 with venv and pip (tried ${pythons.join(', ')})` }
  const folder = join(cache, await cacheKey(host.version))
  const python = pythonOf(folder)
  if (existsSync(python)) return { python }
  const partial = `${folder}.${process.pid}`
  try {
    await execa(host.command, ['-m', 'venv', partial])
    const missing = await missingIndex(pythonOf(partial))
    if (missing !== undefined) return { missing }
    await install(pythonOf(partial))
    await moveInto(folder, partial)
    return { python }
  } finally {
    await rm(partial, { recursive: true, force: true })
  }
}

const pythonOf = (folder: string): string => join(folder, 'bin', 'python')

async function findPython(): Promise<{ command: string; version: string } | undefined> {
  for (const command of pythons) {
    const { exitCode, stdout } = await execa(command, ['-c', probe], { reject: false })
    if (exitCode === 0) return { command, version: stdout }
  }
  return undefined
}

async function cacheKey(version: string): Promise<string> {
  const hash = createHash('sha256').update(version)
  for (const file of [requirements, constraints]) hash.update(await readFile(file))
  return hash.digest('hex').slice(0, 16)
}

/** Message of pip if no index has any LiteLLM. An index without the pinned version is a failure. */
async function missingIndex(python: string): Promise<string | undefined> {
  const options = ['--dry-run', '--no-deps', '--no-cache-dir', '--retries', '1', '--timeout', '15']
  const { exitCode, all } = await execa(python, pip('install', ...options, 'litellm'), {
    all: true,
    reject: false,
  })
  if (exitCode === 0 || !all.includes('(from versions: none)')) return undefined
  return `no package index that has litellm. pip says:\n${all.split('\n').slice(-6).join('\n')}`
}

async function install(python: string): Promise<void> {
  console.log(`Installing LiteLLM into ${cache}: one to three minutes, once`)
  // Bytecode is compiled only on import, because compiling everything takes longer than the tests.
  await execa(python, pip('install', '--quiet', '--no-compile', '-r', requirements, '-c', constraints))
}

const pip = (...args: string[]): string[] => [
  '-m',
  'pip',
  '--disable-pip-version-check',
  '--no-input',
  ...args,
]

/** Moves a complete environment to its final path. An environment that another process moved there meanwhile is kept. */
async function moveInto(folder: string, partial: string): Promise<void> {
  await removeOthers(folder)
  if (existsSync(pythonOf(folder))) return
  await rm(folder, { recursive: true, force: true })
  await rename(partial, folder)
}

/** Removes environments of other pins and of interrupted installs, but none that another process still builds. */
async function removeOthers(folder: string): Promise<void> {
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
