import { configFile, configFolder } from '../opencode/config-file.ts'
import { isClosed } from './modes.ts'
import { statOf } from './path-status.ts'
import { stateFolder } from './state-folder.ts'

/** Returns the folders and files of a home that hold secrets, with their modes. */
const privatePaths = (home: string): { path: string; mode: number }[] => [
  { path: configFolder(home), mode: 0o700 },
  { path: configFile(home), mode: 0o600 },
  { path: stateFolder(home), mode: 0o700 },
]

/**
 * Returns the private paths of a home that users other than the owner may access, because the mode could not
 * be set. Never rejects.
 */
export async function exposedPaths(home: string): Promise<string[]> {
  if (process.platform === 'win32') return []
  const checks = privatePaths(home).map(async ({ path, mode }) => {
    const stats = await statOf(path)
    return typeof stats === 'string' || isClosed(stats.mode, mode) ? [] : [path]
  })
  return (await Promise.all(checks)).flat()
}
