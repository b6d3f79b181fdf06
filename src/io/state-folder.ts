import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { restrict } from './modes.ts'

/** Where a home keeps what its hosts must know of each other: its lock, and the record of its server. */
export const stateFolder = (home: string): string => join(home, '.local', 'state', 'opencode-runtime')

/** Makes the state folder, 0700 also where it existed with a wider mode and the file system sets modes, and returns its path. */
export function makeStateFolder(home: string): string {
  const folder = stateFolder(home)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  restrict(folder, 0o700)
  return folder
}
