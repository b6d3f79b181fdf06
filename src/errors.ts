import type { ErrorReply, TurnErrorCode } from './replies.ts'
import { messageOf } from './util/messages.ts'

/**
 * Brand of this package's errors. `instanceof` reads the brand, because a prototype check fails across two
 * copies of the package.
 */
const brand = Symbol.for('opencode-runtime.error')

/** Stable codes of {@link OpenCodeRuntimeError} and its subclasses, for `switch`. */
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
  | 'ERR_OPENCODE_SESSION_NOT_FOUND'
  | 'ERR_OPENCODE_REQUEST_CLOSED'
  | 'ERR_OPENCODE_UNKNOWN_AGENT'

/**
 * Base class of every error that this package throws, rejects with or shows in a `Lifecycle`.
 * Messages never contain the proxy's key or the server's password.
 */
export class OpenCodeRuntimeError extends Error {
  override readonly name: string = 'OpenCodeRuntimeError'
  /**
   * Stable, machine-readable code: `ERR_OPENCODE_` and the name in snake case. A {@link TurnError} has the
   * code of its reply.
   */
  readonly code: OpenCodeErrorCode | TurnErrorCode = 'ERR_OPENCODE_RUNTIME'
  /**
   * `true` if the same call may succeed later without any change.
   *
   * @defaultValue `false`
   */
  readonly retryable: boolean = false

  /**
   * Creates an error.
   *
   * @param message - One line, without secrets.
   * @param options - The `cause`, if any.
   */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    Object.defineProperty(this, brand, { value: new.target.errorName })
  }

  /**
   * Returns the error as plain data for `JSON.stringify`: name, code, message, `retryable`, the fields of the
   * class, and the cause. Without the stack.
   *
   * @returns The plain data. A cause that is no error of this package keeps its name, message and code only.
   */
  toJSON(): Record<string, unknown> {
    const { name, code, message, retryable, cause } = this
    const own = Object.fromEntries(Object.entries(this))
    return { ...own, name, code, message, retryable, ...(cause !== undefined && { cause: plain(cause) }) }
  }

  /** Name that `instanceof` compares, so that errors of two copies of the package match. */
  protected static readonly errorName: string = 'OpenCodeRuntimeError'

  static override [Symbol.hasInstance](value: unknown): boolean {
    if (typeof value !== 'object' || value === null || !(brand in value)) return false
    return this.errorName === OpenCodeRuntimeError.errorName || value[brand] === this.errorName
  }
}

/**
 * Error for an option that is missing, unknown or of the wrong kind.
 * The message names the option, its value (secrets masked) and the expected value.
 */
export class InvalidOptionsError extends OpenCodeRuntimeError {
  protected static override readonly errorName = 'InvalidOptionsError'
  override readonly name = 'InvalidOptionsError'
  override readonly code = 'ERR_OPENCODE_INVALID_OPTIONS'
}

/** Error for a missing opencode binary. The message lists every place that was searched. */
export class BinaryNotFoundError extends OpenCodeRuntimeError {
  protected static override readonly errorName = 'BinaryNotFoundError'
  override readonly name = 'BinaryNotFoundError'
  override readonly code = 'ERR_OPENCODE_BINARY_NOT_FOUND'
}

/** Error for a `port` option whose port another process listens on. */
export class PortInUseError extends OpenCodeRuntimeError {
  protected static override readonly errorName = 'PortInUseError'
  override readonly name = 'PortInUseError'
  override readonly code = 'ERR_OPENCODE_PORT_IN_USE'
  override readonly retryable = true
}

/** Error for a server that was not healthy before the deadline. The message gives the server's last state. */
export class StartTimeoutError extends OpenCodeRuntimeError {
  protected static override readonly errorName = 'StartTimeoutError'
  override readonly name = 'StartTimeoutError'
  override readonly code = 'ERR_OPENCODE_START_TIMEOUT'
  override readonly retryable = true
}

/** End of a server process: `exitCode` or `signal`, and the last lines of the log, secrets masked. */
export interface ServerExit {
  exitCode?: number | undefined
  signal?: string | undefined
  logTail?: string | undefined
}

/** Error for a server process that ended by itself or could not be started. */
export class ServerExitedError extends OpenCodeRuntimeError {
  protected static override readonly errorName = 'ServerExitedError'
  override readonly name = 'ServerExitedError'
  override readonly code = 'ERR_OPENCODE_SERVER_EXITED'
  override readonly retryable = true
  readonly exitCode: number | undefined
  readonly signal: string | undefined
  readonly logTail: string | undefined

  /**
   * Creates an error for the end of a process.
   *
   * @param message - One line, without secrets.
   * @param exit - Exit code or signal, and the end of the log.
   * @param options - The `cause`, if any.
   */
  constructor(message: string, exit: ServerExit = {}, options?: ErrorOptions) {
    super(message, options)
    this.exitCode = exit.exitCode
    this.signal = exit.signal
    this.logTail = exit.logTail
  }
}

/** Error for a server whose process runs but no longer answers. */
export class ServerWedgedError extends OpenCodeRuntimeError {
  protected static override readonly errorName = 'ServerWedgedError'
  override readonly name = 'ServerWedgedError'
  override readonly code = 'ERR_OPENCODE_SERVER_WEDGED'
  override readonly retryable = true
}

/** Error for a session that does not exist, or was deleted. The message names the session. */
export class SessionNotFoundError extends OpenCodeRuntimeError {
  protected static override readonly errorName = 'SessionNotFoundError'
  override readonly name = 'SessionNotFoundError'
  override readonly code = 'ERR_OPENCODE_SESSION_NOT_FOUND'
}

/**
 * Error for a spent restart budget. `cause` is the last failure, and `retryable` is the value of that
 * failure.
 *
 * `ensureRunning()` tries a new start. A turn also does so if the failure is retryable: not sooner than
 * `backoffMaxMs` after the last try, or immediately if the last try failed before a process existed.
 */
export class RestartLimitError extends OpenCodeRuntimeError {
  protected static override readonly errorName = 'RestartLimitError'
  override readonly name = 'RestartLimitError'
  override readonly code = 'ERR_OPENCODE_RESTART_LIMIT'
  override readonly retryable: boolean

  /**
   * Creates an error whose `retryable` is the value of its cause.
   *
   * @param message - One line, without secrets.
   * @param options - The `cause`: the last failure. Without a cause the error is retryable.
   */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.retryable = retryableOf(options?.cause, true)
  }
}

/** Error for a start, or an operation of a session, that `stop()` or `close()` ended while a caller waited for it. */
export class StoppedError extends OpenCodeRuntimeError {
  protected static override readonly errorName = 'StoppedError'
  override readonly name = 'StoppedError'
  override readonly code = 'ERR_OPENCODE_STOPPED'
}

/**
 * Error for a home that another live host uses, or for a data directory that another live fleet uses. The
 * message names that host.
 */
export class HomeLockedError extends OpenCodeRuntimeError {
  protected static override readonly errorName = 'HomeLockedError'
  override readonly name = 'HomeLockedError'
  override readonly code = 'ERR_OPENCODE_HOME_LOCKED'
  override readonly retryable = true
}

/** Error for a binary older than the oldest version that this package supports. */
export class UnsupportedVersionError extends OpenCodeRuntimeError {
  protected static override readonly errorName = 'UnsupportedVersionError'
  override readonly name = 'UnsupportedVersionError'
  override readonly code = 'ERR_OPENCODE_UNSUPPORTED_VERSION'
}

/**
 * Error for a server that did not become healthy with a new configuration. `cause` is the reason.
 * The last healthy configuration, if the server had one, is in use again.
 */
export class ReconfigureError extends OpenCodeRuntimeError {
  protected static override readonly errorName = 'ReconfigureError'
  override readonly name = 'ReconfigureError'
  override readonly code = 'ERR_OPENCODE_RECONFIGURE'
  override readonly retryable: boolean

  /**
   * Creates an error whose `retryable` is the value of its cause.
   *
   * @param message - One line, without secrets.
   * @param options - The `cause`: why the server did not start. Without a cause the error is not retryable.
   */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.retryable = retryableOf(options?.cause, false)
  }
}

/**
 * Error for a temporary refusal by the host: disk space, descriptors, memory or a missing file.
 * The message names the system's error code and the file. The error is retryable, because only the state of
 * the host has to change.
 */
export class HostFaultError extends OpenCodeRuntimeError {
  protected static override readonly errorName = 'HostFaultError'
  override readonly name = 'HostFaultError'
  override readonly code = 'ERR_OPENCODE_HOST_FAULT'
  override readonly retryable = true
  /** The system's error code, such as `ENOSPC`. */
  readonly errno: string
  /** Absolute path of the file concerned, if the system names a file. */
  readonly path: string | undefined

  /**
   * Creates an error for a refusal by the host.
   *
   * @param message - One line that names the error code and the file.
   * @param fault - The system's error code, and the absolute path of the file if the system names one.
   * @param options - The `cause`: the system's error.
   */
  constructor(message: string, fault: { errno: string; path?: string | undefined }, options?: ErrorOptions) {
    super(message, options)
    this.errno = fault.errno
    this.path = fault.path
  }
}

/**
 * Error for a turn that ended with an `error` reply. Its `code` is the code of the reply, such as
 * `rate_limited`.
 */
export class TurnError extends OpenCodeRuntimeError {
  protected static override readonly errorName = 'TurnError'
  override readonly name = 'TurnError'
  override readonly code: TurnErrorCode
  override readonly retryable: boolean
  /** Answer text before the failure, if any. */
  declare readonly partial?: string
  /** Terminal reply of the turn. */
  readonly reply: ErrorReply

  /**
   * Creates an error for a turn's terminal reply.
   *
   * @param reply - The reply; its `error` becomes the message.
   */
  constructor(reply: ErrorReply) {
    super(reply.error)
    this.code = reply.code
    this.retryable = reply.retryable
    if (reply.partial !== undefined) this.partial = reply.partial
    this.reply = reply
  }
}

/**
 * Error for an answer to a request that is no longer open: answered, also by another client, rejected at its
 * time limit, or of a turn that has ended; or to a request that the turn does not know.
 */
export class RequestClosedError extends OpenCodeRuntimeError {
  protected static override readonly errorName = 'RequestClosedError'
  override readonly name = 'RequestClosedError'
  override readonly code = 'ERR_OPENCODE_REQUEST_CLOSED'
}

/**
 * Error for an id that no agent of the fleet has. The message names the id, and an agent whose id resembles
 * the id.
 */
export class UnknownAgentError extends OpenCodeRuntimeError {
  protected static override readonly errorName = 'UnknownAgentError'
  override readonly name = 'UnknownAgentError'
  override readonly code = 'ERR_OPENCODE_UNKNOWN_AGENT'
}

/** Returns a cause as plain data. */
function plain(cause: unknown): unknown {
  if (cause instanceof OpenCodeRuntimeError) return cause.toJSON()
  if (!(cause instanceof Error)) return messageOf(cause)
  const { name, message, code } = cause as Error & { code?: unknown }
  return { name, message, ...(typeof code === 'string' && { code }) }
}

/** Returns whether a cause is worth a retry, or `otherwise` if the cause has no `retryable`. */
function retryableOf(cause: unknown, otherwise: boolean): boolean {
  return cause instanceof OpenCodeRuntimeError ? cause.retryable : otherwise
}

/**
 * Returns an error's message for a reply. Replaces paths of the host, because a reply must not show them.
 *
 * @internal
 */
export function messageWithoutPaths(error: Pick<Error, 'message'>): string {
  let message = error.message
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause)
    if (cause instanceof HostFaultError && cause.path !== undefined)
      message = message.replaceAll(cause.path, '<path>')
  return message
}

/**
 * Returns a thrown value as an {@link OpenCodeRuntimeError}.
 * Returns an error of this package unchanged. Wraps any other value as the `cause`.
 *
 * @internal
 */
export function asRuntimeError(thrown: unknown, what: string): OpenCodeRuntimeError {
  if (thrown instanceof OpenCodeRuntimeError) return thrown
  const detail = messageOf(thrown)
  return new OpenCodeRuntimeError(`${what}: ${detail}`, { cause: thrown })
}
