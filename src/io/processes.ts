import { markerVariable } from './environment.ts'
import { listPids, readProc, readProcLink, readStat } from './proc.ts'

/** A process group's signals that matter here. */
export type GroupSignal = 'SIGTERM' | 'SIGKILL'

/** Sends a signal to a process group, which takes no descriptor. Returns whether there is such a group. */
export const signalGroup = (leader: number, signal: GroupSignal): boolean => sendSignal(-leader, signal)

/**
 * Kills what a spawn left: its process group, also where nothing can be looked at, and whatever carries its marker (bash
 * tools run in sessions of their own, which no group signal reaches). Returns how many were still there. Carriers are found
 * in `/proc`; where there is none, only the group is reached.
 * @throws HostFaultError where some process could not be looked at, after all that were found have been killed.
 */
export function killLeftovers(leader: number | undefined, marker: string): number {
  const { pids, fault } = look(leader, marker)
  const hasGroup = leader !== undefined && signalGroup(leader, 'SIGKILL')
  for (const pid of pids ?? []) sendSignal(pid, 'SIGKILL')
  if (fault !== undefined) throw fault
  return pids?.length ?? (hasGroup ? 1 : 0)
}

/**
 * Finds the pids of a group, and of all that carry a marker; zombies are gone already.
 * @throws HostFaultError where some process could not be looked at.
 */
export function findLeftovers(leader: number | undefined, marker: string): number[] {
  const { pids = [], fault } = look(leader, marker)
  if (fault !== undefined) throw fault
  return pids
}

/** What a look for a spawn's processes found. */
interface Look {
  /** `undefined` where nothing shows them. */
  pids?: number[]
  /** Why the look is not whole. */
  fault?: Error
}

function look(leader: number | undefined, marker: string): Look {
  const faults: Error[] = []
  const attempt = <T>(act: () => T): T | undefined => {
    try {
      return act()
    } catch (error) {
      faults.push(error as Error)
      return undefined
    }
  }
  const all = process.platform === 'linux' ? (attempt(listPids) ?? []) : []
  const kindOf = (pid: number) => attempt(() => kindOfProcess(pid, leader, marker))
  const found = all.filter((pid) => pid !== process.pid).map((pid) => ({ pid, kind: kindOf(pid) }))
  // One that is just starting another program shows no environment for a moment: those are looked at once more.
  const left = found.filter(({ pid, kind }) => (kind === 'between' ? kindOf(pid) : kind) === 'left')
  const [fault] = faults
  return { ...(all.length > 0 && { pids: left.map(({ pid }) => pid) }), ...(fault && { fault }) }
}

function kindOfProcess(pid: number, leader: number | undefined, marker: string) {
  const environment = environmentOf(pid)
  if (carries(environment, marker) || isInGroup(pid, leader)) return 'left'
  return environment === '' && hasProgram(pid) ? 'between' : 'other'
}

/**
 * Whether a process carries a spawn's marker; `undefined` where its environment cannot be read.
 * @throws HostFaultError where the host cannot look at the moment.
 */
export function carriesMarker(pid: number, marker: string): boolean | undefined {
  const environment = environmentOf(pid)
  return environment === '' ? undefined : carries(environment, marker)
}

/** Neither a kernel thread nor a zombie. */
const hasProgram = (pid: number): boolean => (readProcLink(`${pid}/exe`) ?? '') !== ''

function isInGroup(pid: number, leader: number | undefined): boolean {
  if (leader === undefined) return false
  const stat = readStat(pid)
  return stat?.group === leader && !stat.hasEnded
}

function carries(environment: string, marker: string): boolean {
  const wanted = `${markerVariable}=${marker}`
  return environment.includes(wanted) && environment.split('\0').includes(wanted)
}

const environmentOf = (pid: number): string => readProc(`${pid}/environ`) ?? ''

/** Whether there is such a target. On macOS a group of zombies refuses signals (EPERM); elsewhere a group of another user. */
function sendSignal(target: number, signal: GroupSignal): boolean {
  try {
    return process.kill(target, signal)
  } catch (error) {
    return process.platform === 'linux' && (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
