import { readdir, readFile, readlink } from 'node:fs/promises'

/** Process that listens on a port. */
export interface Listener {
  pid: number
  /**
   * Program name from `/proc/{pid}/comm`, 15 characters at most. Arguments are left out: they may hold
   * secrets.
   */
  program: string
}

/**
 * Returns the process that listens on a TCP port; `undefined` if it cannot be determined. Works on Linux
 * only, and only for processes whose descriptors `/proc` shows, which are those of the same user.
 */
export async function findListener(port: number): Promise<Listener | undefined> {
  const tables = await Promise.all(['/proc/net/tcp', '/proc/net/tcp6'].map(textOf))
  const sockets = new Set(tables.flatMap((table) => listening(table, port)))
  if (sockets.size === 0) return undefined
  const pids = (await namesIn('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  for (const pid of pids)
    if (await holds(pid, sockets))
      return { pid, program: (await textOf(`/proc/${pid}/comm`)).trim() || 'unknown' }
  return undefined
}

/**
 * Returns the sockets in state LISTEN (0A) on a port, in the form of a descriptor's link. Columns of the
 * table: sl, local, remote, state, … inode.
 */
function listening(table: string, port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  return table.split('\n').flatMap((line) => {
    const columns = line.trim().split(/\s+/)
    const [, local = '', , state] = columns
    return state === '0A' && local.endsWith(suffix) ? [`socket:[${columns[9] ?? ''}]`] : []
  })
}

async function holds(pid: number, sockets: ReadonlySet<string>): Promise<boolean> {
  const folder = `/proc/${pid}/fd`
  for (const name of await namesIn(folder))
    if (sockets.has(await readlink(`${folder}/${name}`).catch(() => ''))) return true
  return false
}

const textOf = (file: string): Promise<string> => readFile(file, 'utf8').catch(() => '')
const namesIn = (folder: string): Promise<string[]> => readdir(folder).catch(() => [])
