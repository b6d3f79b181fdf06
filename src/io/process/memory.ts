import { loadModule } from '../host/load-module.ts'
import { requireDescriptors } from '../host/descriptors.ts'
import { listPids, readProc, readStat } from './proc.ts'

/**
 * The resident set of a process group, in MiB; `undefined` where the platform does not tell. Pages that its processes
 * share count once for each. From `/proc` on Linux, from `ps` elsewhere. Rejects with HostFaultError where the host cannot
 * read them at the moment.
 */
export async function groupResidentMb(leader: number): Promise<number | undefined> {
  if (process.platform === 'linux') return sum(residentInProc(leader))
  if (process.platform === 'win32') return undefined
  const { execa } = await loadModule('execa', () => import('execa'))
  requireDescriptors('The memory of the server could not be read')
  const { stdout, failed } = await execa('ps', ['-A', '-o', 'pgid=', '-o', 'rss='], {
    cwd: '/',
    reject: false,
    timeout: 5_000,
  })
  return failed ? undefined : sum(residentInPs(stdout, leader))
}

/** In MiB; of no process at all, nothing is known. */
function sum(kilobytes: readonly number[]): number | undefined {
  if (kilobytes.length === 0) return undefined
  return Math.round(kilobytes.reduce((total, own) => total + own, 0) / 1024)
}

/** What each process of the group holds, in kB: as the kernel says it, since a page is not 4 kB everywhere. */
function residentInProc(leader: number): number[] {
  return listPids()
    .filter((pid) => readStat(pid)?.group === leader)
    .map((pid) => Number(/^VmRSS:\s+(\d+) kB/m.exec(readProc(`${pid}/status`) ?? '')?.[1] ?? 0))
}

/** The same from the lines of `ps`: group and kB. */
export function residentInPs(lines: string, leader: number): number[] {
  const rows = lines.split('\n').map((line) => line.trim().split(/\s+/).map(Number))
  return rows.flatMap(([group, kilobytes = 0]) => (group === leader ? [kilobytes] : []))
}
