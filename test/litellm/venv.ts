import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, readFile, rename, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { execa } from 'execa'

/** A Python with the pinned LiteLLM in it, or why this machine cannot have one. */
export type LiteLLM = { python: string } | { missing: string }

const requirements = join(import.meta.dirname, 'requirements.txt')
const constraints = join(import.meta.dirname, 'constraints.txt')
const cache = join(import.meta.dirname, '../../node_modules/.cache/opencode-runtime-litellm')

/** The pinned versions have wheels for these. */
const pythons = ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11', 'python']
const probe =
  'import sys, venv, ensurepip; v = sys.version_info; print(*v[:2]); sys.exit(not (3, 11) <= v < (3, 15))'

/**
 * The virtual environment with LiteLLM, made where there is none yet (one to three minutes, 700 MB). It is built beside
 * its place and renamed, so that an interrupted install is never taken for a whole one.
 *
 * `missing` only where there is no Python with `venv`, or no package index that knows LiteLLM; any other failure throws.
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

/** pip's own words where no index offers any LiteLLM at all; an index without our version is a failure, no excuse. */
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
  // Bytecode only for what is imported: compiling all of it takes longer than the tests.
  await execa(python, pip('install', '--quiet', '--no-compile', '-r', requirements, '-c', constraints))
}

const pip = (...args: string[]): string[] => [
  '-m',
  'pip',
  '--disable-pip-version-check',
  '--no-input',
  ...args,
]

/** Puts a whole environment in its place. One that another process put there meanwhile is as good. */
async function moveInto(folder: string, partial: string): Promise<void> {
  await removeOthers(folder)
  if (existsSync(pythonOf(folder))) return
  await rm(folder, { recursive: true, force: true })
  await rename(partial, folder)
}

/** Those of other pins, and what an interrupted install left; not what another process still builds. */
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
