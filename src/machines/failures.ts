import type { TurnCause } from '../actors/turn/refusal.ts'
import {
  asRuntimeError,
  messageWithoutPaths,
  type OpenCodeRuntimeError,
  RestartLimitError,
  ServerExitedError,
  ServerWedgedError,
  StartTimeoutError,
  UnsupportedVersionError,
} from '../errors.ts'
import { judgeVersion, oldestSupported, tested } from '../io/opencode/versions.ts'
import { recentRestarts, type ServerContext, type ServerEvent } from './context.ts'

/** Failure of a server, as `lifecycle$` shows it. */
export interface Failure {
  error: OpenCodeRuntimeError
  reason: string
}

type MemoryExceeded = Extract<ServerEvent, { type: 'memory.exceeded' }>

interface Scope {
  context: ServerContext
}

/** Returns the failure of a server that was not healthy within `startTimeoutMs`. */
export function startTimedOut({ context: { options, probeError } }: Scope): Failure {
  const last =
    probeError === undefined ? 'it never reported that it listens' : `the last probe failed: ${probeError}`
  const error = new StartTimeoutError(
    `The server was not healthy within ${options.values.startTimeoutMs} ms: ${last}`,
  )
  return { error, reason: 'start timed out' }
}

/** Returns the failure of a server that runs but does not answer. */
export function wedged({ context: { failures, probeError = 'no answer' } }: Scope): Failure {
  const error = new ServerWedgedError(
    `The server stopped answering: ${failures} consecutive probes failed, the last probe with: ${probeError}`,
  )
  return { error, reason: 'wedged' }
}

/** Returns the reason for the replacement of a server that exceeds its memory limit. */
export function memoryExceeded({ context, event }: Scope & { event: MemoryExceeded }): { reason: string } {
  const { memoryLimitMb = Infinity } = context.options.values
  return { reason: `memory limit: ${event.residentMb} MiB used, ${memoryLimitMb} MiB allowed` }
}

/** Returns the failure of a probe that failed because of a defect of this package, which no restart repairs. */
export const probeDefect = (error: unknown): Failure => ({
  error: asRuntimeError(error, 'The health probe failed'),
  reason: 'probe failed (internal error)',
})

/** Returns the failure of a server whose opencode version is too old. */
export function unsupported({ context: { version } }: Scope): Failure {
  const error = new UnsupportedVersionError(
    `opencode ${version ?? 'of an unknown version'} is not supported: ${oldestSupported} is the oldest version that works. ` +
      'Run `npm install opencode-ai@latest`, or set the option `binary`.',
  )
  return { error, reason: 'unsupported version' }
}

/** Returns the reason shown for a healthy server of a version that was not tested. */
export function versionCaution({ version }: ServerContext): string | undefined {
  if (version === undefined || judgeVersion(version) === 'supported') return undefined
  const range = tested.from === tested.to ? `tested: ${tested.to}` : `tested: ${tested.from} to ${tested.to}`
  return `untested version: opencode ${version}, ${range}`
}

/** Returns the error of a process whose actor ended, so that the process is no longer observed. */
export function processLost(cause: unknown): ServerExitedError {
  const detail = cause instanceof Error ? cause.message : 'its actor ended'
  return new ServerExitedError(`The server's process was lost: ${detail}`, {}, { cause })
}

/**
 * Returns the error of a spent restart budget. The failure itself stays if no restart was allowed: with a budget of 0, or in
 * the single start that a turn requested.
 */
export function spent(context: ServerContext): Partial<Failure> {
  const { options, error, now, isLastAttempt } = context
  const { maxRestarts, restartWindowMs } = options.values
  if (maxRestarts === 0 || isLastAttempt || !error) return {}
  const message = `The server failed ${recentRestarts(context, now).length + 1} times within ${restartWindowMs} ms; the last time: ${error.message}`
  return { error: new RestartLimitError(message, { cause: error }), reason: 'restart budget spent' }
}

/** Returns the reason for the end of turns on a server that is stopped. */
export const stopOf = ({ stopCause }: ServerContext): TurnCause =>
  stopCause ?? { code: 'cancelled', error: 'The server was stopped' }

/** Returns the reason for the end of a turn whose actor failed, or ended without a reply: a defect of this package. */
export const turnLost = (thrown: unknown): TurnCause => ({
  code: 'internal',
  error: thrown instanceof Error ? thrown.message : 'The turn ended without a reply',
})

/** Returns the reason for the end of running turns when the server ends. */
export function ended(context: ServerContext): TurnCause {
  const { ending, error, reason = 'unknown' } = context
  if (ending === 'stop') return stopOf(context)
  const what = ending === 'replacement' ? 'was replaced before the turn had ended' : 'died'
  return {
    code: 'server_died',
    error: `The server ${what}: ${error?.message ?? reason}`,
    ...(error && { thrown: error }),
  }
}

/** Returns the reason for the end of turns in `failed`; retryable if the server's failure is retryable. */
export const unavailable = ({ error }: ServerContext): TurnCause => ({
  code: 'server_unavailable',
  retryable: error?.retryable ?? true,
  error: `The server is not available: ${error ? messageWithoutPaths(error) : 'it failed'}`,
  ...(error && { thrown: error }),
})

/** Returns the reason for the end of a turn that finds the queue full. */
export const overloaded = ({ options }: ServerContext): TurnCause => ({
  code: 'overloaded',
  error: `The queue is full: the option maxQueuedTurns allows ${options.values.maxQueuedTurns} waiting turns`,
})
