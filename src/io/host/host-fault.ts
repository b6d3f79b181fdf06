import { HostFaultError } from '../../errors.ts'

/**
 * Error codes of faults that pass without action: no space, no descriptors, no memory, an I/O error, a stale
 * handle, a busy file.
 */
const passingCodes = new Set([
  'ENOSPC',
  'EDQUOT',
  'EMFILE',
  'ENFILE',
  'EAGAIN',
  'EIO',
  'ESTALE',
  'ENOMEM',
  'ENOBUFS',
  'EBUSY',
  'ETXTBSY',
  'ETIMEDOUT',
])

/** Limit of nested causes that are searched. */
const deepest = 8

/**
 * Returns the system's error code of a thrown value or of its causes, because undici and Node wrap system
 * errors.
 */
export function errnoOf(thrown: unknown, depth = 0): string | undefined {
  if (typeof thrown !== 'object' || thrown === null || depth > deepest) return undefined
  const { code, cause } = thrown as { code?: unknown; cause?: unknown }
  return typeof code === 'string' && /^E[A-Z0-9]+$/.test(code) ? code : errnoOf(cause, depth + 1)
}

/** Returns whether a thrown value is a fault of the host that passes without action. */
export function isHostFault(thrown: unknown): boolean {
  return thrown instanceof HostFaultError || passingCodes.has(errnoOf(thrown) ?? '')
}

/**
 * Returns a passing fault of the host as a {@link HostFaultError}, and any other thrown value unchanged.
 * @param thrown - the error of a system call
 * @param what - the failed operation, for the message: "The config could not be written"
 * @param path - the file, used if the system's error names none
 */
export function asHostFault(thrown: unknown, what: string, path?: string): unknown {
  if (thrown instanceof HostFaultError || !isHostFault(thrown)) return thrown
  const errno = errnoOf(thrown) ?? 'unknown'
  const at = pathOf(thrown) ?? path
  const where = at === undefined ? '' : ` at ${at}`
  return new HostFaultError(
    `${what}: ${adviceOf(errno)} (${errno}${where})`,
    { errno, path: at },
    { cause: thrown },
  )
}

/** Returns the file that a thrown value or one of its causes names. */
function pathOf(thrown: unknown, depth = 0): string | undefined {
  if (typeof thrown !== 'object' || thrown === null || depth > deepest) return undefined
  const { path, cause } = thrown as { path?: unknown; cause?: unknown }
  return typeof path === 'string' ? path : pathOf(cause, depth + 1)
}

/** Returns the meaning of an error code, and what to check. */
function adviceOf(errno: string): string {
  if (errno === 'ENOSPC' || errno === 'EDQUOT') return 'no space is left on the disk or in its quota'
  if (errno === 'EMFILE') return 'this process has too many open files (see `ulimit -n`)'
  if (errno === 'ENFILE') return 'the host has too many open files'
  if (errno === 'ENOMEM' || errno === 'ENOBUFS') return 'the host has no memory left'
  if (errno === 'EAGAIN') return 'the host has temporarily no processes or resources left (see `ulimit -u`)'
  if (errno === 'EBUSY' || errno === 'ETXTBSY') return 'the file is busy'
  return 'the file system failed temporarily'
}
