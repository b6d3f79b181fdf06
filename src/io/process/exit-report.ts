import { HostFaultError, ServerExitedError } from '../../errors.ts'
import { firstLine } from '../../util/messages.ts'
import { asHostFault } from '../host/host-fault.ts'
import type { ServeLog } from './serve-log.ts'
import type { StartedProcess } from './start-process.ts'

/** Prefix of the message for a host that cannot start a server. */
export const notStarted = 'The opencode server could not be started'

/**
 * Time limit for the last output of a server that exited, in ms; needed if another process holds the output
 * pipe open.
 */
const lastOutputMs = 200

/** End of a process. */
interface Exit {
  exitCode?: number | undefined
  signal?: string | undefined
}

/**
 * Reports the end of a process once: its exit, or that the process could not be started.
 *
 * @remarks The exit comes from the process itself, because a grandchild may hold the output open without end.
 * The last output is read and written first, within a time limit.
 */
export function reportExit(
  child: StartedProcess,
  log: ServeLog,
  onExit: (error: ServerExitedError | HostFaultError) => void,
): void {
  let isReported = false
  const report = (exit: Exit, cause?: Error): void => {
    if (isReported) return
    isReported = true
    onExit(exitError(exit, log.tail(), cause))
  }
  child.once('exit', (exitCode, signal) => {
    const exit = { exitCode: exitCode ?? undefined, signal: signal ?? undefined }
    const late = setTimeout(() => report(exit), lastOutputMs)
    void log.closed.then(() => {
      clearTimeout(late)
      report(exit)
    })
  })
  child.once('error', (cause) => report({}, cause))
  // If the system refuses the arguments as too long (E2BIG), only the result reports the failure; no event is
  // emitted.
  void child.then(
    ({ cause }) => child.pid === undefined && report({}, cause instanceof Error ? cause : undefined),
    () => undefined,
  )
}

function exitError(exit: Exit, logTail: string, cause?: Error): ServerExitedError | HostFaultError {
  const fault = cause && asHostFault(cause, notStarted)
  if (fault instanceof HostFaultError) return fault
  const how = cause
    ? `could not be started: ${firstLine(cause.message)}`
    : exit.signal !== undefined
      ? `was ended by ${exit.signal}`
      : `exited with code ${exit.exitCode ?? 'unknown'}`
  const tail = logTail === '' ? '' : `\nIts last output:\n${logTail}`
  return new ServerExitedError(`The opencode server ${how}${tail}`, { ...exit, logTail }, cause && { cause })
}
