import { markerVariable } from '../../src/io/opencode/environment.ts'
import { readProc } from '../../src/io/process/proc.ts'
import { processesOf } from './home.ts'

/** Time limit for a process to stop after SIGSTOP, in ms. A loaded machine may schedule the process late. */
const standsWithinMs = 20_000

/**
 * Stops a process group with SIGSTOP until {@link letGo}: it reacts only to SIGKILL, and answers no request. Blocks until the
 * leader has stopped, because the next signal may be a SIGTERM. Ignores a group that has ended.
 */
export function hold(leader: number): void {
  if (!signal(leader, 'SIGSTOP')) return
  const limit = performance.now() + standsWithinMs
  while (isRunning(leader)) {
    if (performance.now() > limit) throw new Error(`process ${leader} did not stop`)
    Atomics.wait(moment, 0, 0, 1)
  }
}

/** Continues a group. */
export const letGo = (leader: number): boolean => signal(leader, 'SIGCONT')

/** Kills a group, whether it is stopped or not. */
export const end = (leader: number): boolean => signal(leader, 'SIGKILL')

/** Returns the markers of a home's spawns that have a live process. */
export function spawnsOf(home: string): string[] {
  const markers = processesOf(home).map((pid) => {
    const environment = (readProc(`${pid}/environ`) ?? '').split('\0')
    return environment.find((variable) => variable.startsWith(`${markerVariable}=`))
  })
  return [...new Set(markers.filter((marker) => marker !== undefined))]
}

const moment = new Int32Array(new SharedArrayBuffer(4))

function signal(leader: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(-leader, name)
  } catch {
    return false
  }
}

/** Returns whether a process is neither stopped nor ended. */
function isRunning(pid: number): boolean {
  const stat = readProc(`${pid}/stat`) ?? ''
  return /^[^TtZX]/.test(stat.slice(stat.lastIndexOf(')') + 2))
}
