import { realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { AgentUser } from '../../config/agent-user.ts'
import type { HeldFolder } from './held-folder.ts'
import { openHomeFolder } from './home-folder.ts'

/** Returns the folder of a home's lock and server record, by which hosts detect each other. */
export const stateFolder = (home: string): string => join(home, ...segments)

const segments = ['.local', 'state', 'opencode-runtime']

/**
 * Makes and opens the state folder, with mode 0700. In a home of another user, the folder belongs to the host,
 * so that this user cannot forge the lock or the record.
 */
export const openStateFolder = (home: string, owner: AgentUser | undefined): HeldFolder =>
  openHomeFolder(home, segments, owner, 'host')

/**
 * Identity of the state folder that a file was written in. A home may be copied together with its lock and
 * record.
 */
export interface Origin {
  /** Device and inode, which stay the same when a folder is moved. */
  folder: string
  /** Real path, which stays the same when a mount or a file system changes device and inode. */
  path: string
}

/** Returns whether a value is an origin. */
export function isOrigin(value: unknown): value is Origin {
  const { folder, path } = (value ?? {}) as { folder?: unknown; path?: unknown }
  return typeof folder === 'string' && typeof path === 'string'
}

/** Returns the origin that distinguishes a state folder from all others. */
export function originOf(folder: string): Origin {
  const { dev, ino } = statSync(folder, { bigint: true })
  return { folder: `${dev}:${ino}`, path: realpathSync(folder) }
}

/**
 * Returns whether a file of a state folder was written in that folder, not copied into it; true if the file
 * names no origin.
 */
export function isFrom(origin: Origin | undefined, folder: string): boolean {
  if (origin === undefined) return true
  const here = originOf(folder)
  return origin.folder === here.folder || origin.path === here.path
}
