import { messageOf } from './util/messages.ts'

/** Marks our errors across two copies of the package, where `instanceof` by prototype would fail. */
const brand = Symbol.for('opencode-runtime.error')

/** Codes of {@link OpenCodeRuntimeError} and its subclasses: stable, for `switch`. */
export type OpenCodeErrorCode =
  | 'ERR_OPENCODE_RUNTIME'
  | 'ERR_OPENCODE_INVALID_OPTIONS'
  | 'ERR_OPENCODE_BINARY_NOT_FOUND'
  | 'ERR_OPENCODE_PORT_IN_USE'
  | 'ERR_OPENCODE_START_TIMEOUT'
  | 'ERR_OPENCODE_SERVER_EXITED'
  | 'ERR_OPENCODE_RESTART_LIMIT'
  | 'ERR_OPENCODE_STOPPED'
  | 'ERR_OPENCODE_HOME_LOCKED'
  | 'ERR_OPENCODE_UNSUPPORTED_VERSION'
  | 'ERR_OPENCODE_RECONFIGURE'
  | 'ERR_OPENCODE_HOST_FAULT'
  | 'ERR_OPENCODE_SERVER_WEDGED'

/**
 * The base of every error that this package throws, rejects with or shows in a `Lifecycle`.
 * Messages never hold the proxy's key or the server's password.
 */
export class OpenCodeRuntimeError extends Error {
  override readonly name: string = 'OpenCodeRuntimeError'
  /** Stable, machine-readable; `ERR_OPENCODE_` and the name in snake case. */
  readonly code: OpenCodeErrorCode = 'ERR_OPENCODE_RUNTIME'
  /** Whether the same call may succeed later without anything being changed. */
  readonly retryable: boolean = false

  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    Object.defineProperty(this, brand, { value: new.target.errorName })
  }

  /** The name that `instanceof` compares by, so that two copies of the package match. */
  protected static readonly errorName: string = 'OpenCodeRuntimeError'

  static override [Symbol.hasInstance](value: unknown): boolean {
    if (typeof value !== 'object' || value === null || !(brand in value)) return false
    return this.errorName === OpenCodeRuntimeError.errorName || value[brand] === this.errorName
  }
}

/** An option is missing, unknown or of the wrong kind. The message names it, its value (secrets masked) and what is expected. */
export class InvalidOptionsError extends OpenCodeRuntimeError {
  protected static override readonly errorName = 'InvalidOptionsError'
  override readonly name = 'InvalidOptionsError'
  override readonly code = 'ERR_OPENCODE_INVALID_OPTIONS'
}

/** No opencode binary was found; the message lists every place that was tried. */
export class BinaryNotFoundError extends OpenCodeRuntimeError {
  protected static override readonly errorName = 'BinaryNotFoundError'
  override readonly name = 'BinaryNotFoundError'
  override readonly code = 'ERR_OPENCODE_BINARY_NOT_FOUND'
}

/** The `port` option names a port on which something else listens. */
export class PortInUseError extends OpenCodeRuntimeError {
  protected static override readonly errorName = 'PortInUseError'
  override readonly name = 'PortInUseError'
  override readonly code = 'ERR_OPENCODE_PORT_IN_USE'
  override readonly retryable = true
}

/** The server was not healthy in time; the message says what it last did. */
export class StartTimeoutError extends OpenCodeRuntimeError {
  protected static override readonly errorName = 'StartTimeoutError'
  override readonly name = 'StartTimeoutError'
  override readonly code = 'ERR_OPENCODE_START_TIMEOUT'
  override readonly retryable = true
}

/** How a server process ended: `exitCode` or `signal`, and the last lines of its log, secrets masked. */
export interface ServerExit {
  exitCode?: number | undefined
  signal?: string | undefined
  logTail?: string | undefined
}

/** The server's process ended by itself, or could not be started. */
export class ServerExitedError extends OpenCodeRuntimeError {
  protected static override readonly errorName = 'ServerExitedError'
  override readonly name = 'ServerExitedError'
  override readonly code = 'ERR_OPENCODE_SERVER_EXITED'
  override readonly retryable = true
  readonly exitCode: number | undefined
  readonly signal: string | undefined
  readonly logTail: string | undefined

  constructor(message: string, exit: ServerExit = {}, options?: ErrorOptions) {
    super(message, options)
    this.exitCode = exit.exitCode
    this.signal = exit.signal
    this.logTail = exit.logTail
  }
}

/** The server runs, but stopped answering. */
export class ServerWedgedError extends OpenCodeRuntimeError {
  protected static override readonly errorName = 'ServerWedgedError'
  override readonly name = 'ServerWedgedError'
  override readonly code = 'ERR_OPENCODE_SERVER_WEDGED'
  override readonly retryable = true
}

/**
 * The restart budget is spent; `cause` is the last failure, and `retryable` its own. `ensureRunning()` tries again; so does
 * a turn if the failure is retryable: not sooner than `backoffMaxMs` after the last try, and at once if that failed before
 * there was a process.
 */
export class RestartLimitError extends OpenCodeRuntimeError {
  protected static override readonly errorName = 'RestartLimitError'
  override readonly name = 'RestartLimitError'
  override readonly code = 'ERR_OPENCODE_RESTART_LIMIT'
  override readonly retryable: boolean

  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.retryable = retryableOf(options?.cause, true)
  }
}

/** `stop()` or `close()` was called while somebody waited for the start. */
export class StoppedError extends OpenCodeRuntimeError {
  protected static override readonly errorName = 'StoppedError'
  override readonly name = 'StoppedError'
  override readonly code = 'ERR_OPENCODE_STOPPED'
}

/** Another live host uses this home; the message names it. */
export class HomeLockedError extends OpenCodeRuntimeError {
  protected static override readonly errorName = 'HomeLockedError'
  override readonly name = 'HomeLockedError'
  override readonly code = 'ERR_OPENCODE_HOME_LOCKED'
  override readonly retryable = true
}

/** The binary is older than the oldest version that this package supports. */
export class UnsupportedVersionError extends OpenCodeRuntimeError {
  protected static override readonly errorName = 'UnsupportedVersionError'
  override readonly name = 'UnsupportedVersionError'
  override readonly code = 'ERR_OPENCODE_UNSUPPORTED_VERSION'
}

/**
 * The server did not come up with a new configuration; `cause` says why. Where one was healthy before, it is in use again.
 */
export class ReconfigureError extends OpenCodeRuntimeError {
  protected static override readonly errorName = 'ReconfigureError'
  override readonly name = 'ReconfigureError'
  override readonly code = 'ERR_OPENCODE_RECONFIGURE'
  override readonly retryable: boolean

  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.retryable = retryableOf(options?.cause, false)
  }
}

/**
 * The host refused something for the moment: disk space, descriptors, memory, a file that is away. The message names the
 * system's error code and the file. Retryable: nothing has to be changed but the host's state.
 */
export class HostFaultError extends OpenCodeRuntimeError {
  protected static override readonly errorName = 'HostFaultError'
  override readonly name = 'HostFaultError'
  override readonly code = 'ERR_OPENCODE_HOST_FAULT'
  override readonly retryable = true
  /** The system's error code, such as `ENOSPC`. */
  readonly errno: string
  /** The file that it was about, absolute, where the system names one. */
  readonly path: string | undefined

  constructor(message: string, fault: { errno: string; path?: string | undefined }, options?: ErrorOptions) {
    super(message, options)
    this.errno = fault.errno
    this.path = fault.path
  }
}

/** Returns whether a cause is worth a retry; `otherwise` where the cause does not say. */
function retryableOf(cause: unknown, otherwise: boolean): boolean {
  return cause instanceof OpenCodeRuntimeError ? cause.retryable : otherwise
}

/** Returns the message of an error for a reply, which shows no path of the host. */
export function messageWithoutPaths(error: Error): string {
  let message = error.message
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause)
    if (cause instanceof HostFaultError && cause.path !== undefined)
      message = message.replaceAll(cause.path, '<path>')
  return message
}

/** Anything thrown, as one of ours: itself, or wrapped as the `cause` of a plain {@link OpenCodeRuntimeError}. */
export function asRuntimeError(thrown: unknown, what: string): OpenCodeRuntimeError {
  if (thrown instanceof OpenCodeRuntimeError) return thrown
  const detail = messageOf(thrown)
  return new OpenCodeRuntimeError(`${what}: ${detail}`, { cause: thrown })
}
