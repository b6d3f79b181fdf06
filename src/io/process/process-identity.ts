import { execFileSync } from 'node:child_process'
import { asHostFault, isHostFault } from '../host/host-fault.ts'
import { readProc, readStat } from './proc.ts'

/** Identity of a process, which distinguishes the process from others with the same pid. */
export interface ProcessIdentity {
  /** Start time in the platform's form, for comparison only. Empty if unknown. */
  startTime: string
  /** Program and arguments, joined by spaces. Empty if unknown. */
  command: string
}

/**
 * Returns the identity of the process with a pid; `undefined` if there is no process, or only a zombie.
 * @throws HostFaultError if the host cannot determine this at the moment, so that a live process is not taken for a
 *   dead process
 */
export const identify = (pid: number): ProcessIdentity | undefined =>
  process.platform === 'linux' ? identifyByProc(pid) : identifyByPs(pid)

/**
 * Returns whether a pid still belongs to the process with that start time; true if the platform reports no
 * start time.
 * @throws HostFaultError if the host cannot determine this at the moment
 */
export function isSameProcess(pid: number, startTime: string): boolean {
  const now = identify(pid)
  return now !== undefined && (now.startTime === '' || startTime === '' || now.startTime === startTime)
}

/**
 * Returns the identity from `/proc`. Linux reports the start in ticks since the boot; the boot id is added
 * where it is known, so that no later process has the same start time.
 */
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

/** Time limit of `ps`, in ms. The host blocks while `ps` runs. */
const psTimeoutMs = 5_000

/**
 * Returns the identity of a process on POSIX systems without `/proc`, from `ps`. Without `ps` the identity is
 * empty and shows only that the process exists.
 * @throws HostFaultError if `ps` cannot be run at the moment
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
    // A status means that `ps` ran and found no process. Otherwise `ps` cannot be run at the moment, or is
    // not installed.
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
