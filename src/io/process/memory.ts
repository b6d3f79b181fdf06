import { loadExeca } from './load-execa.ts'
import { requireDescriptors } from '../host/descriptors.ts'
import { readProc } from './proc.ts'
import { ProcessTable, treePids } from './process-table.ts'

/**
 * Returns the resident set of a spawn's whole tree, in MiB; `undefined` if the platform does not report it, or
 * no process is left. The figures come from `/proc` on Linux. Elsewhere they come from `ps`, which shows no
 * markers, so that a command counts while its parents live.
 *
 * @remarks A page that processes share counts once for each of them (RSS), so that the sum is never below what
 * the tree uses. The proportional figure (PSS) would change with other servers of the same binary, and the
 * kernel walks all pages of a process to find it: 22 ms instead of 0.6 ms for a process of 600 MiB.
 * @param leader - leader of the spawn's process group
 * @param marker - marker of the spawn
 * @throws HostFaultError if the host cannot read the figures at the moment
 */
export async function treeResidentMb(leader: number, marker: string): Promise<number | undefined> {
  if (process.platform === 'linux') return sum(treePids(leader, marker).flatMap(residentInProc))
  if (process.platform === 'win32') return undefined
  const { execa } = await loadExeca()
  requireDescriptors('The memory of the server could not be read')
  const columns = ['pid=', 'ppid=', 'pgid=', 'rss='].flatMap((column) => ['-o', column])
  const { stdout, failed } = await execa('ps', ['-A', ...columns], {
    cwd: '/',
    reject: false,
    timeout: 5_000,
  })
  return failed ? undefined : sum(residentInPs(stdout, leader))
}

/** Returns the sum of figures in kB, in MiB; `undefined` for no figures, because nothing is known then. */
function sum(kilobytes: readonly number[]): number | undefined {
  if (kilobytes.length === 0) return undefined
  return Math.round(kilobytes.reduce((total, own) => total + own, 0) / 1024)
}

/**
 * Returns the resident set of a process, in kB; no figure for a process that has ended. Takes the kernel's
 * figure in kB, because a page is not 4 kB on every machine.
 */
function residentInProc(pid: number): number[] {
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readProc(`${pid}/status`) ?? '')?.[1]
  return kilobytes === undefined ? [] : [Number(kilobytes)]
}

/**
 * Returns the resident set of each process of a group and of its descendants, in kB, from the lines of `ps`
 * (columns: pid, parent, group, kB).
 */
export function residentInPs(lines: string, leader: number): number[] {
  const rows = lines.split('\n').map((line) => line.trim().split(/\s+/).map(Number))
  const table = new ProcessTable(
    rows.map(([pid = 0, parent = 0, group = 0]) => ({ pid, parent, group, start: 0 })),
  )
  const tree = new Set(table.treeOf(leader, ''))
  return rows.flatMap(([pid = 0, , , kilobytes = 0]) => (tree.has(pid) ? [kilobytes] : []))
}
