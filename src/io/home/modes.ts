import { chmodSync, statSync } from 'node:fs'
import { errnoOf } from '../host/host-fault.ts'

/** Error codes of a mode that cannot be set. If the path cannot be written either, the next write fails. */
const refusals = new Set(['EPERM', 'EACCES', 'EROFS', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EINVAL'])

/**
 * Sets the mode of a file or folder if it differs, and returns whether the path then grants no more than the
 * mode. A volume may refuse modes (CIFS), ignore them (exFAT), or hold a folder that another user made
 * (`fsGroup` of Kubernetes). Such a path can still be written, so its mode is no reason to fail.
 * @throws the system's error for a path that does not exist, and for a fault that passes
 */
export function restrict(path: string, mode: number): boolean {
  if (process.platform === 'win32' || modeOf(path) === mode) return true
  try {
    chmodSync(path, mode)
  } catch (error) {
    if (!refusals.has(errnoOf(error) ?? '')) throw error
  }
  return isClosed(modeOf(path), mode)
}

/** Returns whether a mode grants no permission that the wanted mode does not grant. */
export const isClosed = (mode: number, wanted: number): boolean => (mode & 0o777 & ~wanted) === 0

const modeOf = (path: string): number => statSync(path).mode & 0o777
