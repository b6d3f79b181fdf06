import { readdir, readFile, readlink } from 'node:fs/promises'

/** A process that listens on a port. */
export interface Listener {
  pid: number
  /** Its program, as `/proc/{pid}/comm` has it (15 characters at most): arguments may hold secrets. */
  program: string
}

/**
 * Finds the process that listens on a TCP port: Linux only, and only where `/proc` shows its descriptors, which are one's
 * own processes'. `undefined` where it cannot be told.
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

/** The sockets in state LISTEN (0A) on a port, as descriptors link to them. Columns: sl, local, remote, state, … inode. */
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
