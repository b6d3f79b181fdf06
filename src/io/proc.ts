import { readdirSync, readFileSync } from 'node:fs'

/** A file below `/proc` (Linux), such as `42/environ`; `undefined` where there is none, or this user may not read it. */
export function readProc(file: string): string | undefined {
  try {
    return readFileSync(`/proc/${file}`, 'utf8')
  } catch {
    return undefined
  }
}

/** The pids of all processes that `/proc` lists. @throws where it cannot be read. */
export const listPids = (): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)

/** What `/proc/<pid>/stat` says of a process. */
export interface ProcStat {
  /** Whether it ended, and only waits to be reaped. */
  hasEnded: boolean
  /** Its process group. */
  group: number
  /** When it started, in ticks since the boot. */
  startTicks: string
}

/** Reads a process's `stat`; `undefined` where there is no such process. */
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
