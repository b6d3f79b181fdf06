import { execFileSync } from 'node:child_process'
import { asHostFault, isHostFault } from '../host/host-fault.ts'
import { readProc, readStat } from './proc.ts'

/** What tells a process from another one that has, or had, the same pid. */
export interface ProcessIdentity {
  /** When it started, as the platform says it: only ever compared. Empty where that cannot be known. */
  startTime: string
  /** Its arguments, the program first, joined by spaces. Empty where that cannot be known. */
  command: string
}

/**
 * Returns the identity of the process with a pid; `undefined` if there is no process, or only a zombie.
 * @throws HostFaultError if the host cannot tell at the moment, so that a live process is not taken for a dead one.
 */
export const identify = (pid: number): ProcessIdentity | undefined =>
  process.platform === 'linux' ? identifyByProc(pid) : identifyByPs(pid)

/**
 * Returns whether a pid is still the process with that start time. Where this platform reports no start time, the answer is true.
 * @throws HostFaultError if the host cannot tell at the moment.
 */
export function isSameProcess(pid: number, startTime: string): boolean {
  const now = identify(pid)
  return now !== undefined && (now.startTime === '' || startTime === '' || now.startTime === startTime)
}

/** Linux tells the start in ticks since the boot: with the boot's own id, where it is told, no later process has the same. */
function identifyByProc(pid: number): ProcessIdentity | undefined {
  const stat = readStat(pid)
  if (stat === undefined && !hasProc()) return identifyBySignal(pid)
  const command = readProc(`${pid}/cmdline`)?.split('\0').join(' ').trimEnd()
  if (stat === undefined || stat.hasEnded || command === undefined) return undefined
  return { startTime: `${readBootId()}:${stat.startTicks}`, command }
}

const hasProc = (): boolean => readStat(process.pid) !== undefined

let boot: string | undefined
const readBootId = (): string => (boot ??= readProc('sys/kernel/random/boot_id')?.trim() ?? '')

/** A `ps` that hangs is ended: the host waits for it. */
const psTimeoutMs = 5_000

/**
 * Returns the identity of a process on POSIX systems without `/proc`, from `ps`. Without `ps` the identity is
 * empty: it says only that the process exists.
 * @throws HostFaultError if `ps` cannot be run at the moment.
 */
export function identifyByPs(pid: number): ProcessIdentity | undefined {
  const args = ['-ww', '-o', 'stat=,lstart=,command=', '-p', String(pid)]
  const env = { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }
  try {
    const line = execFileSync('ps', args, {
      encoding: 'utf8',
      env,
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: psTimeoutMs,
    })
    // `Ss   Sun Nov 22 11:09:25 2026 node server.js`
    const [, state = '', startTime = '', command = ''] =
      /^\s*(\S+)\s+((?:\S+\s+){4}\S+)\s+(.*)$/m.exec(line) ?? []
    return state === '' || state.startsWith('Z') ? undefined : { startTime, command: command.trimEnd() }
  } catch (error) {
    // `ps` ran and found no process, or cannot be run at the moment, or is not installed.
    if (typeof (error as { status?: unknown }).status === 'number') return undefined
    if (isHostFault(error)) throw asHostFault(error, 'A process could not be inspected')
    return identifyBySignal(pid)
  }
}

const identifyBySignal = (pid: number): ProcessIdentity | undefined =>
  isThere(pid) ? { startTime: '', command: '' } : undefined

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
