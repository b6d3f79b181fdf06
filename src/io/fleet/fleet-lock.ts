import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { ignoreErrors } from '../../util/ignore-errors.ts'
import { openHomeFolder } from '../home/home-folder.ts'
import { holderIn, lockPlace, type HomeLock, type LockHolder } from '../home/home-lock.ts'
import { replaceFileSync } from '../home/private-file.ts'
import { fleetFolder } from './fleet-folder.ts'

/** File that names the holder for people; hosts read the numbered files of the lock beside it. */
const noteFile = (dataDir: string): string => join(fleetFolder(dataDir), 'lock')

/**
 * Takes the lock of a fleet's data directory, by the mechanism of a home's lock.
 *
 * @throws HomeLockedError (`ERR_OPENCODE_HOME_LOCKED`) that names the holder
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) if the directory cannot be written
 * @throws HostFaultError (`ERR_OPENCODE_HOST_FAULT`) if the host cannot write at the moment
 */
export function lockDataDir(dataDir: string): HomeLock {
  const folder = fleetFolder(dataDir)
  const open = () => openHomeFolder(dataDir, ['.fleet'], undefined)
  const lock = lockPlace({ option: 'dataDir', path: dataDir, open, user: 'fleet' })
  const note = noteFile(dataDir)
  ignoreErrors(() => replaceFileSync(note, `${JSON.stringify(holderIn(folder), null, 2)}\n`))
  return {
    release: () => {
      // First, because another fleet may write its own note as soon as the lock is free.
      ignoreErrors(() => rmSync(note, { force: true }))
      lock.release()
    },
  }
}

/**
 * Returns the host whose fleet has a data directory; `undefined` if no fleet runs there.
 *
 * @throws the system's error if the lock cannot be read
 */
export const fleetHolder = (dataDir: string): LockHolder | undefined => holderIn(fleetFolder(dataDir))
