import { statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { HomeLockedError, InvalidOptionsError } from '../../errors.ts'
import { openHomeFolder } from '../home/home-folder.ts'
import { lockPlace, type HomeLock } from '../home/home-lock.ts'

/** Times that a change waits for the change of another process, and the wait, in ms. */
const patience = { times: 100, ms: 50 }

/**
 * Runs a change of a file in a fleet's folder, one process after another. The folder is made if it does not exist.
 *
 * @param name - name of the lock's folder, beside the file
 * @throws HomeLockedError (`ERR_OPENCODE_HOME_LOCKED`) if another process changes the file for longer than 5 s
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`) if the folder cannot be written
 */
export async function whileLocked<T>(dataDir: string, name: string, act: () => Promise<T>): Promise<T> {
  openHomeFolder(dataDir, ['.fleet'], undefined).close()
  const lock = await takeLock(dataDir, name)
  try {
    return await act()
  } finally {
    lock.release()
  }
}

async function takeLock(dataDir: string, name: string): Promise<HomeLock> {
  const open = () => openHomeFolder(dataDir, ['.fleet', name], undefined)
  for (let tries = 0; ; tries++)
    try {
      return lockPlace({ option: 'dataDir', path: dataDir, open, user: 'fleet' })
    } catch (error) {
      if (!(error instanceof HomeLockedError) || tries >= patience.times) throw error
      await sleep(patience.ms)
    }
}

/**
 * Refuses root in a data directory of another user, who could not read a file that root makes.
 *
 * @throws InvalidOptionsError (`ERR_OPENCODE_INVALID_OPTIONS`)
 */
export function requireOwner(dataDir: string): void {
  const uid = statSync(dataDir, { throwIfNoEntry: false })?.uid ?? 0
  if (process.geteuid?.() === 0 && uid !== 0)
    throw new InvalidOptionsError(
      `${dataDir} belongs to the user ${uid}: run this command as the user of the fleet`,
    )
}
