import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { asHostFault, isHostFault } from '../host/host-fault.ts'

/**
 * Returns the text of a file below `/proc` (Linux), such as `42/environ`; `undefined` if the file does not
 * exist or this user may not read it.
 * @throws HostFaultError if the host cannot read the file at the moment (EMFILE, ENOMEM …), which says
 *   nothing about the process
 */
export const readProc = (file: string): string | undefined =>
  readProcEntry(() => readFileSync(`/proc/${file}`, 'utf8'))

/**
 * Returns the target of a link below `/proc`, such as `42/exe`; `undefined` and errors as in
 * {@link readProc}.
 */
export const readProcLink = (file: string): string | undefined =>
  readProcEntry(() => readlinkSync(`/proc/${file}`))

/**
 * Returns the pids that `/proc` shows; none if `/proc` is not mounted.
 * @throws HostFaultError if the host cannot read `/proc` at the moment
 */
export const listPids = (): number[] =>
  (readProcEntry(() => readdirSync('/proc')) ?? []).filter((name) => /^\d+$/.test(name)).map(Number)

/**
 * Returns the result of `act`; `undefined` if there is no such process.
 * @throws HostFaultError if the host cannot read `/proc` at the moment
 */
function readProcEntry<T>(act: () => T): T | undefined {
  try {
    return act()
  } catch (error) {
    if (isHostFault(error)) throw asHostFault(error, 'A process could not be inspected')
    return undefined
  }
}

/** State of a process, from `/proc/<pid>/stat`. */
export interface ProcStat {
  /** True if the process has ended and waits to be reaped. */
  hasEnded: boolean
  /** Pid of the parent. */
  parent: number
  /** Id of the process group. */
  group: number
  /** Start time, in ticks since the boot. */
  startTicks: string
}

/**
 * Returns the state of a process; `undefined` if there is no such process.
 * @throws HostFaultError as {@link readProc} does
 */
export function readStat(pid: number): ProcStat | undefined {
  const stat = readProc(`${pid}/stat`)
  if (stat === undefined) return undefined
  // The command may hold spaces and parentheses, so the fields are read after its last `)`. The first is
  // field 3 of `proc(5)`.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return {
    hasEnded: fields[0] === 'Z' || fields[0] === 'X',
    parent: Number(fields[1]),
    group: Number(fields[2]),
    startTicks: fields[19] ?? '',
  }
}
