import { configFile, configFolder } from './config-file.ts'
import { isClosed } from './modes.ts'
import { statOf } from './places.ts'
import { stateFolder } from './state-folder.ts'

/** The places of a home that hold its secrets, and the mode that each should have. */
const privatePlaces = (home: string): { path: string; mode: number }[] => [
  { path: configFolder(home), mode: 0o700 },
  { path: configFile(home), mode: 0o600 },
  { path: stateFolder(home), mode: 0o700 },
]

/**
 * Returns those of a home's private places that more users than their owner may use: there the mode could not be set.
 * Never rejects.
 */
export async function openPlaces(home: string): Promise<string[]> {
  if (process.platform === 'win32') return []
  const looks = privatePlaces(home).map(async ({ path, mode }) => {
    const stats = await statOf(path)
    return typeof stats === 'string' || isClosed(stats.mode, mode) ? [] : [path]
  })
  return (await Promise.all(looks)).flat()
}
