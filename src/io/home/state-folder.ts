import { mkdirSync, realpathSync, statSync } from 'node:fs'
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

/** The state folder that a file was written in: a home may be copied, with what its lock and its record say. */
export interface Origin {
  /** Device and inode, which a moved folder keeps. */
  folder: string
  /** The real path, which stays where a mount or a file system gives other numbers. */
  path: string
}

/** Returns whether a value is an origin. */
export function isOrigin(value: unknown): value is Origin {
  const { folder, path } = (value ?? {}) as { folder?: unknown; path?: unknown }
  return typeof folder === 'string' && typeof path === 'string'
}

/** Returns what tells a state folder from every other one. */
export function originOf(folder: string): Origin {
  const { dev, ino } = statSync(folder, { bigint: true })
  return { folder: `${dev}:${ino}`, path: realpathSync(folder) }
}

/** Whether a file of a state folder was written there, and not copied with it; true of files that do not say. */
export function isFrom(origin: Origin | undefined, folder: string): boolean {
  if (origin === undefined) return true
  const here = originOf(folder)
  return origin.folder === here.folder || origin.path === here.path
}
