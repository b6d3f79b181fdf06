import { copyFile, mkdir, mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'

const project = fileURLToPath(new URL('../..', import.meta.url))
const cache = join(project, 'node_modules', '.cache')

/**
 * Builds the package from source, because it runs under plain node, and returns the folder of its entries. In a folder of
 * its own below node_modules, where it finds the dependencies and disturbs neither `dist` nor another test run: its
 * parent is the caller's to remove.
 */
export async function buildPackage(): Promise<string> {
  await mkdir(cache, { recursive: true })
  const folder = await mkdtemp(join(cache, 'opencode-runtime-'))
  await copyFile(join(project, 'package.json'), join(folder, 'package.json'))
  // A type error is the type check's to report.
  const args = ['-p', 'tsconfig.build.json', '--noCheck', '--outDir', join(folder, 'dist')]
  await execa('tsc', args, { cwd: project, preferLocal: true })
  return join(folder, 'dist')
}

/** Builds the package, and returns the path of its `cli.js`. */
export const buildCli = async (): Promise<string> => join(await buildPackage(), 'cli.js')
