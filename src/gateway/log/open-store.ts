import { mkdir, open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { asTurnLogError, faultOf } from './faults.ts'
import { loadLibsql, type Connection, type Libsql } from './libsql.ts'
import { checkedVersion, migrate } from './schema.ts'
import { Store } from './store.ts'

/** Largest file that is checked as a whole when it is opened, in bytes; a check reads about 1 GB in a second. */
const checkedBytes = 1_073_741_824

/**
 * Opens the file of the log, makes it if there is none (mode 0600), and brings it to the newest schema. A file that
 * cannot be used stays as it is.
 *
 * @throws TurnLogError `newer`, `corrupt` or `unavailable`
 */
export async function openStore(file: string): Promise<Store> {
  const libsql = await loadLibsql()
  try {
    await makeFile(file)
    await makeFile(lockOf(file))
    const release = takeLock(libsql, file)
    try {
      return await openLocked(libsql, file, release)
    } catch (error) {
      release()
      throw error
    }
  } catch (error) {
    throw asTurnLogError(error, file)
  }
}

async function openLocked(libsql: Libsql, file: string, release: () => void): Promise<Store> {
  const connection = new libsql.Connection(file)
  try {
    const isNew = checkedVersion(connection, file) === 0
    await checkPages(libsql, file)
    prepare(connection, isNew)
    migrate(connection, file)
    const background = new libsql.BackgroundConnection(file)
    await background.exec(`${perConnection}; pragma busy_timeout = 5000`)
    return new Store({ file, connection, background, release })
  } catch (error) {
    connection.close()
    throw error
  }
}

/** Settings that SQLite does not keep in the file. Deleted texts are overwritten with zeros. */
const perConnection = 'pragma synchronous = normal; pragma secure_delete = on; pragma wal_autocheckpoint = 0'

/** Time for which a commit waits for another program that writes into the file, in ms: the thread waits, too. */
const longestWaitMs = 50

function prepare(connection: Connection, isNew: boolean): void {
  if (isNew) connection.exec('pragma auto_vacuum = incremental')
  connection.prepare('pragma journal_mode = wal').all([])
  connection.exec(`${perConnection}; pragma busy_timeout = ${longestWaitMs}`)
}

/** Checks the pages of a file on a thread of libsql. */
async function checkPages(libsql: Libsql, file: string): Promise<void> {
  const { size } = await stat(file)
  if (size === 0 || size > checkedBytes) return
  const background = new libsql.BackgroundConnection(file)
  try {
    const check = await background.prepare('pragma quick_check(1)')
    const [row] = await check.all([])
    const found = row?.['quick_check']
    if (found !== 'ok') throw faultOf('corrupt', file, `the file is damaged (${found ?? 'no answer'})`)
  } finally {
    background.close()
  }
}

/** SQLite gives the files of its write-ahead log the mode of the main file. */
async function makeFile(file: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  await (await open(file, 'a', 0o600)).close()
}

const lockOf = (file: string): string => `${file}.lock`

/**
 * Takes the lock of a file for the life of the process. The kernel frees the lock when the process ends, also by
 * SIGKILL. Other processes may still read the file, as a backup does.
 *
 * @returns a function that frees the lock
 * @throws TurnLogError `unavailable` if a process holds the lock
 */
function takeLock(libsql: Libsql, file: string): () => void {
  const lock = new libsql.Connection(lockOf(file))
  try {
    lock.exec('begin exclusive')
  } catch (error) {
    lock.close()
    if ((error as { code?: unknown }).code !== 'SQLITE_BUSY') throw error
    throw faultOf(
      'unavailable',
      file,
      'another gateway has the file open; close that one, or use another data folder',
      error,
    )
  }
  return () => {
    lock.exec('rollback')
    lock.close()
  }
}
