import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'

const cache = join(import.meta.dirname, '../../node_modules/.cache/opencode-runtime-runtimes')
const files = ['package.json', 'package-lock.json']

/**
 * Returns the folder whose `node_modules` has the runtimes; `undefined` if they are not installed and
 * `mayInstall` is false. An interrupted install never counts as complete, because a complete folder is renamed.
 * @throws Error if the install fails
 */
export async function runtimesFolder(mayInstall: boolean): Promise<string | undefined> {
  const folder = join(cache, await lockHash())
  if (existsSync(folder)) return folder
  if (!mayInstall) return undefined
  const partial = `${folder}.${process.pid}`
  try {
    await mkdir(partial, { recursive: true })
    for (const file of files) await copyFile(join(import.meta.dirname, file), join(partial, file))
    const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund']
    await execa('npm', args, { cwd: partial, timeout: 150_000 })
    // Replaces a stub by the binary, which is installed already.
    await execa(process.execPath, ['install.js'], { cwd: join(partial, 'node_modules/bun') })
    await rename(partial, folder)
    return folder
  } finally {
    await rm(partial, { recursive: true, force: true })
  }
}

async function lockHash(): Promise<string> {
  const hash = createHash('sha256')
  for (const file of files) hash.update(await readFile(join(import.meta.dirname, file)))
  return hash.digest('hex').slice(0, 16)
}
