import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'

const cache = join(import.meta.dirname, '../../node_modules/.cache')
const files = ['package.json', 'package-lock.json']

/** Packages that some tests need, and that are installed on demand. */
export interface PackagesOnDemand {
  /** Name of their folder in the cache. */
  name: string
  /** Folder of their `package.json` and `package-lock.json`. */
  source: string
  mayInstall: boolean
  /** Completes the install in a folder. */
  finish?: (folder: string) => Promise<unknown>
}

/**
 * Returns the folder whose `node_modules` has the packages; `undefined` if they are not installed and `mayInstall` is
 * false. An interrupted install never counts as complete, because a complete folder is renamed.
 *
 * @throws Error if the install fails
 */
export async function packagesOnDemand(packages: PackagesOnDemand): Promise<string | undefined> {
  const { name, source, mayInstall, finish } = packages
  const folder = join(cache, name, await lockHash(source))
  if (existsSync(folder)) return folder
  if (!mayInstall) return undefined
  const partial = `${folder}.${process.pid}`
  try {
    await mkdir(partial, { recursive: true })
    for (const file of files) await copyFile(join(source, file), join(partial, file))
    const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund']
    await execa('npm', args, { cwd: partial, timeout: 150_000 })
    await finish?.(partial)
    await rename(partial, folder)
    return folder
  } finally {
    await rm(partial, { recursive: true, force: true })
  }
}

async function lockHash(source: string): Promise<string> {
  const hash = createHash('sha256')
  for (const file of files) hash.update(await readFile(join(source, file)))
  return hash.digest('hex').slice(0, 16)
}
