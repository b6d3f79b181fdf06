import { copyFile, mkdir, mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'

const project = fileURLToPath(new URL('../..', import.meta.url))
const cache = join(project, 'node_modules', '.cache')

/**
 * Builds the package from source, because it runs under plain node, and returns the folder of its entries. Its modules are
 * in `build` beside that folder. The parent of both is a new folder below node_modules, so that the package finds its
 * dependencies and does not change `dist`; the caller removes the parent.
 */
export async function buildPackage(): Promise<string> {
  await mkdir(cache, { recursive: true })
  const folder = await mkdtemp(join(cache, 'opencode-runtime-'))
  await copyFile(join(project, 'package.json'), join(folder, 'package.json'))
  // The type check reports type errors.
  const [modules, dist] = [join(folder, 'build'), join(folder, 'dist')]
  const here = { cwd: project, preferLocal: true }
  const folders = ['--outDir', modules, '--declarationDir', dist]
  await execa('tsc', ['-p', 'tsconfig.build.json', '--noCheck', ...folders], here)
  await execa(process.execPath, ['scripts/bundle.mjs', folder], here)
  return dist
}

/** Builds the package, and returns the path of its `cli.js`. */
export const buildCli = async (): Promise<string> => join(await buildPackage(), 'cli.js')
