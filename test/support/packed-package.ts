import { mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'

const project = fileURLToPath(new URL('../..', import.meta.url))

/** Part of a `package.json`. */
export interface Manifest {
  dependencies?: Record<string, string>
  peerDependencies?: Record<string, string>
  peerDependenciesMeta?: Record<string, { optional?: boolean }>
}

/** Returns the packages that a package always needs: its dependencies, and its peers that are not optional. */
export function neededPackages(manifest: Manifest): string[] {
  const { dependencies = {}, peerDependencies = {}, peerDependenciesMeta = {} } = manifest
  const peers = Object.keys(peerDependencies).filter((name) => peerDependenciesMeta[name]?.optional !== true)
  return [...Object.keys(dependencies), ...peers]
}

/**
 * Puts what `npm pack` takes of a built package into `node_modules/opencode-runtime` of a folder.
 *
 * @param dist - Folder that `buildPackage` returned.
 * @returns The package's own dependencies, and the peers that it always needs.
 */
export async function unpackPackage(dist: string, folder: string): Promise<string[]> {
  const own = join(folder, 'node_modules', 'opencode-runtime')
  const packed = await mkdtemp(join(tmpdir(), 'opencode-runtime-packed-'))
  try {
    const pack = ['pack', '--json', '--ignore-scripts', '--pack-destination', packed]
    const { stdout } = await execa('npm', pack, { cwd: dirname(dist) })
    const [{ filename }] = JSON.parse(stdout) as [{ filename: string }]
    await mkdir(own, { recursive: true })
    await execa('tar', ['-xzf', join(packed, filename), '-C', own, '--strip-components', '1'])
  } finally {
    await rm(packed, { recursive: true, force: true })
  }
  const manifest = await readFile(join(own, 'package.json'), 'utf8')
  return neededPackages(JSON.parse(manifest) as Manifest)
}

/** Links packages of this project into the `node_modules` of a folder. */
export async function linkPackages(names: readonly string[], folder: string): Promise<void> {
  for (const name of names) {
    const link = join(folder, 'node_modules', name)
    await mkdir(dirname(link), { recursive: true })
    await symlink(join(project, 'node_modules', name), link)
  }
}
