import { markerVariable } from '../../src/io/opencode/environment.ts'
import { readProc } from '../../src/io/process/proc.ts'
import { processesOf } from './home.ts'

/** For a process to stand once it was told to: on a loaded machine it has to be scheduled for that. */
const standsWithinMs = 20_000

/**
 * Holds a process group where it is until it is let go: then no signal but SIGKILL does anything to it, and nobody who asks
 * it gets an answer. Stands still itself until that is so, for what comes next may be a SIGTERM. One that is gone is fine.
 */
export function hold(leader: number): void {
  if (!signal(leader, 'SIGSTOP')) return
  const limit = performance.now() + standsWithinMs
  while (isRunning(leader)) {
    if (performance.now() > limit) throw new Error(`process ${leader} does not stand still`)
    Atomics.wait(moment, 0, 0, 1)
  }
}

/** Lets a group go on. */
export const letGo = (leader: number): boolean => signal(leader, 'SIGCONT')

/** Ends a group, whether it is held or not. */
export const end = (leader: number): boolean => signal(leader, 'SIGKILL')

/** The spawns of a home's servers of which anything lives, each by its marker. */
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

/** Neither stopped nor ended. */
function isRunning(pid: number): boolean {
  const stat = readProc(`${pid}/stat`) ?? ''
  return /^[^TtZX]/.test(stat.slice(stat.lastIndexOf(')') + 2))
}
