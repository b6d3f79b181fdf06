import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { asHostFault, isHostFault } from '../host/host-fault.ts'

/**
 * Reads a file below `/proc` (Linux), such as `42/environ`; `undefined` where there is none, or this user may not read it.
 * @throws HostFaultError if the host cannot read the file at the moment (EMFILE, ENOMEM …), which says nothing about the process.
 */
export const readProc = (file: string): string | undefined =>
  look(() => readFileSync(`/proc/${file}`, 'utf8'))

/** Reads a link below `/proc`, such as `42/exe`, as {@link readProc} reads a file. */
export const readProcLink = (file: string): string | undefined => look(() => readlinkSync(`/proc/${file}`))

/**
 * Lists the pids that `/proc` shows; none where it is not mounted.
 * @throws HostFaultError if the host cannot read `/proc` at the moment.
 */
export const listPids = (): number[] =>
  (look(() => readdirSync('/proc')) ?? []).filter((name) => /^\d+$/.test(name)).map(Number)

/**
 * Returns the result of `act`; `undefined` if there is no such process.
 * @throws HostFaultError if the host cannot read `/proc` at the moment.
 */
function look<T>(act: () => T): T | undefined {
  try {
    return act()
  } catch (error) {
    if (isHostFault(error)) throw asHostFault(error, 'A process could not be inspected')
    return undefined
  }
}

/** What `/proc/<pid>/stat` says of a process. */
export interface ProcStat {
  /** Whether it ended, and only waits to be reaped. */
  hasEnded: boolean
  /** Its process group. */
  group: number
  /** When it started, in ticks since the boot. */
  startTicks: string
}

/** Reads a process's `stat`; `undefined` where there is no such process. @throws HostFaultError as {@link readProc} does. */
export function readStat(pid: number): ProcStat | undefined {
  const stat = readProc(`${pid}/stat`)
  if (stat === undefined) return undefined
  // The command may hold spaces and parentheses; the fields begin after its last one, with the third of `proc(5)`.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return {
    hasEnded: fields[0] === 'Z' || fields[0] === 'X',
    group: Number(fields[2]),
    startTicks: fields[19] ?? '',
  }
}
