import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'

/** Where a home keeps what its hosts must know of each other: its lock, and the record of its server. */
export const stateFolder = (home: string): string => join(home, '.local', 'state', 'opencode-runtime')

/** Makes the state folder, 0700 also where it existed with a wider mode, and returns its path. */
export function makeStateFolder(home: string): string {
  const folder = stateFolder(home)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  chmodSync(folder, 0o700)
  return folder
}
