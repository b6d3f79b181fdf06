import { existsSync } from 'node:fs'
import { copyFile, cp, mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { inject, vi } from 'vitest'

const project = fileURLToPath(new URL('../..', import.meta.url))

/**
 * Builds the package from source, because it runs under plain node, and returns the folder of its entries. Its modules are
 * in `build` beside that folder. The parent of both is a new folder below node_modules, so that the package finds its
 * dependencies and does not change `dist`; it is removed after the run. The test files of a run build once, and get a
 * copy each.
 */
export async function buildPackage(): Promise<string> {
  const shared = join(inject('buildFolder'), 'package')
  await buildOnce(shared)
  const folder = await mkdtemp(join(inject('buildFolder'), 'copy-'))
  await cp(shared, folder, { recursive: true })
  return join(folder, 'dist')
}

/** Builds the package, and returns the path of its `cli.js`. */
export const buildCli = async (): Promise<string> => join(await buildPackage(), 'cli.js')

/** Builds in a folder. Only waits if another test file has created the folder, and so builds there. */
async function buildOnce(folder: string): Promise<void> {
  const outcomes = ['built', 'failed'].map((name) => join(folder, name)) as [string, string]
  const [built, failed] = outcomes
  if (await isCreated(folder))
    await build(folder).then(
      () => writeFile(built, ''),
      async (error: unknown) => {
        await writeFile(failed, '')
        throw error
      },
    )
  const isOver = (): boolean => outcomes.some((file) => existsSync(file))
  await vi.waitUntil(isOver, { timeout: 110_000, interval: 20 })
  if (existsSync(failed)) throw new Error('The package could not be built: see the first file that needs it')
}

/** Creates a folder. Returns false if the folder is there. */
async function isCreated(folder: string): Promise<boolean> {
  try {
    await mkdir(folder)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

async function build(folder: string): Promise<void> {
  await copyFile(join(project, 'package.json'), join(folder, 'package.json'))
  // The type check reports type errors.
  const [modules, dist] = [join(folder, 'build'), join(folder, 'dist')]
  const here = { cwd: project, preferLocal: true }
  const folders = ['--outDir', modules, '--declarationDir', dist]
  await execa('tsc', ['-p', 'tsconfig.build.json', '--noCheck', ...folders], here)
  await execa(process.execPath, ['scripts/bundle.mjs', folder], here)
  await execa(process.execPath, ['scripts/view.mjs', folder], here)
}
