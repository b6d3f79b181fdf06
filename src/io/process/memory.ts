import { loadExeca } from './load-execa.ts'
import { requireDescriptors } from '../host/descriptors.ts'
import { listPids, readProc, readStat } from './proc.ts'

/**
 * Returns the resident set of a process group, in MiB; `undefined` if the platform does not report it. A page
 * that processes share is counted once for each process. The figures come from `/proc` on Linux and from `ps`
 * elsewhere.
 * @throws HostFaultError if the host cannot read the figures at the moment
 */
export async function groupResidentMb(leader: number): Promise<number | undefined> {
  if (process.platform === 'linux') return sum(residentInProc(leader))
  if (process.platform === 'win32') return undefined
  const { execa } = await loadExeca()
  requireDescriptors('The memory of the server could not be read')
  const { stdout, failed } = await execa('ps', ['-A', '-o', 'pgid=', '-o', 'rss='], {
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
 * Returns the resident set of each process of the group, in kB. Takes the kernel's figure in kB, because a
 * page is not 4 kB on every machine.
 */
function residentInProc(leader: number): number[] {
  return listPids()
    .filter((pid) => readStat(pid)?.group === leader)
    .map((pid) => Number(/^VmRSS:\s+(\d+) kB/m.exec(readProc(`${pid}/status`) ?? '')?.[1] ?? 0))
}

/**
 * Returns the resident set of each process of the group, in kB, from the lines of `ps` (columns: group, kB).
 */
export function residentInPs(lines: string, leader: number): number[] {
  const rows = lines.split('\n').map((line) => line.trim().split(/\s+/).map(Number))
  return rows.flatMap(([group, kilobytes = 0]) => (group === leader ? [kilobytes] : []))
}
