import type { TerminalReply } from '../replies.ts'

/** Exit codes of the command; stable. The code of a signal is 128 plus its number, as in shells. */
export const exitCode = {
  final: 0,
  turnFailed: 1,
  checkFailed: 1,
  usage: 2,
  serverFailed: 3,
  cancelled: 4,
  notWritten: 5,
  SIGHUP: 129,
  SIGINT: 130,
  SIGTERM: 143,
} as const

/** Text for `--help`. */
export const exitCodeHelp = `
Exit codes:
  0    the turn gave its final reply (or the reader of stdout closed it)
  1    the turn failed; the error on stderr says why
  2    bad usage: flags, options or key; or an input that was rejected
  3    the server could not be started, or died
  4    the turn was cancelled on the server
  5    the answer could not be written (for example, the disk is full); stderr says why
  129  stopped by SIGHUP; 130 by SIGINT (Ctrl-C), 143 by SIGTERM
       (a second signal kills the server's processes immediately)`

/** Text for `doctor --help`. */
export const doctorExitCodeHelp = `
Exit codes:
  0    no failure (there may be warnings)
  1    a check failed; the lines with ✖ say which, and what to do
  2    bad usage: an unknown flag or an invalid value
  5    the findings could not be written; stderr says why
  129  stopped by SIGHUP; 130 by SIGINT (Ctrl-C), 143 by SIGTERM`

/** Text for `fleet status --help`. */
export const fleetExitCodeHelp = `
Exit codes:
  0    the fleet runs (or the reader of stdout closed it)
  1    no fleet runs in the folder; its last status was shown
  2    bad usage: an unknown flag, no such folder, no fleet in it, or a status that cannot be read
  5    the status could not be written; stderr says why
  129  stopped by SIGHUP; 130 by SIGINT (Ctrl-C), 143 by SIGTERM`

/** Text for `serve --help`. */
export const serveExitCodeHelp = `
Exit codes:
  0    ended by SIGTERM or SIGINT, after the running turns, or before it served
  2    bad usage: flags, or the config file; stderr says file, line and field
  3    the fleet, its store, its cluster or the address could not be opened; stderr says why
  130  ended by a second SIGINT (Ctrl-C), 143 by a second SIGTERM, without waiting for turns
SIGHUP reads the config file again.`

/** Text for `token --help`. */
export const tokenExitCodeHelp = `
Exit codes:
  0    done
  2    bad usage: a flag, an id in use, an unknown id, or a file that cannot be used
  5    the token or the list could not be written; stderr says why`

/** Text for `cluster nats-config --help`. */
export const clusterExitCodeHelp = `
Exit codes:
  0    done
  2    bad usage: a flag, or a file that cannot be used
  5    the configuration could not be written; stderr says why`

/** Text for `webhook-secret --help`. */
export const webhookSecretExitCodeHelp = `
Exit codes:
  0    done
  2    bad usage: an unknown flag, no such folder, or a file that cannot be used
  5    the secret could not be written; stderr says why`

/** Returns the exit code for the last reply of a turn. */
export function exitCodeOf(reply: TerminalReply): number {
  if (reply.kind === 'final') return exitCode.final
  switch (reply.code) {
    case 'rejected':
      return exitCode.usage
    case 'server_unavailable':
    case 'server_died':
      return exitCode.serverFailed
    case 'cancelled':
      return exitCode.cancelled
    default:
      return exitCode.turnFailed
  }
}

/** Error in the command line, or in what it names. Shown as one line, with exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
