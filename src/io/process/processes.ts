import { markerVariable } from '../opencode/environment.ts'
import { listPids, readProc, readProcLink, readStat } from './proc.ts'

/** Signals that are sent to a process group. */
export type GroupSignal = 'SIGTERM' | 'SIGKILL'

/** Sends a signal to a process group and returns whether the group exists. Takes no descriptor. */
export const signalGroup = (leader: number, signal: GroupSignal): boolean => sendSignal(-leader, signal)

/**
 * Kills the processes that a spawn left, and returns how many were still alive. Kills the process group, even
 * if no process can be inspected, and all processes that carry the spawn's marker: bash tools run in sessions
 * of their own, which no group signal reaches. Processes with the marker are found in `/proc`; without
 * `/proc` only the group is killed.
 * @throws HostFaultError if a process could not be inspected; all processes that were found are killed first
 */
export function killLeftovers(leader: number | undefined, marker: string): number {
  const { pids, fault } = search(leader, marker)
  const hasGroup = leader !== undefined && signalGroup(leader, 'SIGKILL')
  for (const pid of pids ?? []) sendSignal(pid, 'SIGKILL')
  if (fault !== undefined) throw fault
  return pids?.length ?? (hasGroup ? 1 : 0)
}

/**
 * Returns the pids of a group and of all processes that carry a marker, without zombies.
 * @throws HostFaultError if a process could not be inspected
 */
export function findLeftovers(leader: number | undefined, marker: string): number[] {
  const { pids = [], fault } = search(leader, marker)
  if (fault !== undefined) throw fault
  return pids
}

/** Result of a search for a spawn's processes. */
interface SearchResult {
  /** Pids that were found; `undefined` if this platform does not list processes. */
  pids?: number[]
  /** Reason why the search is incomplete. */
  fault?: Error
}

function search(leader: number | undefined, marker: string): SearchResult {
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
  // A process that is replacing its program shows no environment for a moment, so it is inspected a second
  // time.
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
 * Returns whether a process carries a spawn's marker; `undefined` if its environment cannot be read.
 * @throws HostFaultError if the host cannot determine this at the moment
 */
export function carriesMarker(pid: number, marker: string): boolean | undefined {
  const environment = environmentOf(pid)
  return environment === '' ? undefined : carries(environment, marker)
}

/**
 * Returns the marker that a process carries; `undefined` if it carries none, or its environment cannot be read.
 * @throws HostFaultError if the host cannot determine this at the moment
 */
export function markerOf(pid: number): string | undefined {
  const environment = environmentOf(pid)
  const prefix = `${markerVariable}=`
  if (!environment.includes(prefix)) return undefined
  return environment
    .split('\0')
    .find((variable) => variable.startsWith(prefix))
    ?.slice(prefix.length)
}

/** Returns whether a process has a program, unlike a kernel thread and a zombie. */
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

/**
 * Sends a signal and returns whether the target exists. EPERM means a group of zombies on macOS, and a group
 * of another user elsewhere.
 */
function sendSignal(target: number, signal: GroupSignal): boolean {
  try {
    return process.kill(target, signal)
  } catch (error) {
    return process.platform === 'linux' && (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
