import { statfs } from 'node:fs/promises'
import { newHomeBytes } from '../../io/opencode/disk-use.ts'
import { inspectPath } from '../../io/home/path-status.ts'
import type { Check } from './context.ts'
import { failure, ok, skipped, warning, type Finding } from './finding.ts'

const check = 'disk space'
const mebibyte = 1024 * 1024

/**
 * Size in bytes of a home with the database and snapshots of some weeks, and npm packages for its own tools.
 */
const comfortable = 500 * mebibyte

/** Checks that the home has room for opencode's files. */
export const checkDisk: Check = async ({ home }) => {
  if (home === undefined) return [skipped(check, 'give --home')]
  const status = await inspectPath(home)
  if (status.kind === 'blocked' || status.kind === 'inaccessible')
    return [skipped(check, 'fix the home first')]
  const folder = status.kind === 'folder' ? home : status.ancestor
  const { bavail, bsize } = await statfs(folder)
  return [judgeSpace(bavail * bsize, folder)]
}

/** Returns the finding about a number of free bytes. */
export function judgeSpace(free: number, folder: string): Finding {
  const found = `${amount(free)} free at ${folder}`
  const need = `A new home takes about ${amount(newHomeBytes)} and grows with its sessions.`
  if (free < newHomeBytes) return failure(check, found, `${need} Free some space, or give another --home.`)
  if (free < comfortable)
    return warning(check, found, `${need} Free some space before the server runs for long.`)
  return ok(check, found)
}

const amount = (bytes: number): string =>
  bytes < 1024 * mebibyte
    ? `${Math.floor(bytes / mebibyte)} MiB`
    : `${(bytes / mebibyte / 1024).toFixed(1)} GiB`
