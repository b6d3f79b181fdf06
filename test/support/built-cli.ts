import { copyFile, mkdir, mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'

const project = fileURLToPath(new URL('../..', import.meta.url))
const cache = join(project, 'node_modules', '.cache')

/**
 * Builds the package from source, because it runs under plain node, and returns the folder of its entries; its modules, one
 * by one, are in `build` beside it. In a folder of its own below node_modules, where it finds the dependencies and disturbs
 * neither `dist` nor another test run: its parent is the caller's to remove.
 */
export async function buildPackage(): Promise<string> {
  await mkdir(cache, { recursive: true })
  const folder = await mkdtemp(join(cache, 'opencode-runtime-'))
  await copyFile(join(project, 'package.json'), join(folder, 'package.json'))
  // A type error is the type check's to report.
  const [modules, dist] = [join(folder, 'build'), join(folder, 'dist')]
  const here = { cwd: project, preferLocal: true }
  const folders = ['--outDir', modules, '--declarationDir', dist]
  await execa('tsc', ['-p', 'tsconfig.build.json', '--noCheck', ...folders], here)
  await execa(process.execPath, ['scripts/bundle.mjs', folder], here)
  return dist
}

/** Builds the package, and returns the path of its `cli.js`. */
export const buildCli = async (): Promise<string> => join(await buildPackage(), 'cli.js')
