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

/** Why a server failed: what `lifecycle$` shows. */
export interface Failure {
  error: OpenCodeRuntimeError
  reason: string
}

type MemoryExceeded = Extract<ServerEvent, { type: 'memory.exceeded' }>

interface Scope {
  context: ServerContext
}

/** The server was not healthy by `startTimeoutMs`. */
export function startTimedOut({ context: { options, probeError } }: Scope): Failure {
  const last =
    probeError === undefined ? 'it never said that it listens' : `the last probe said: ${probeError}`
  const error = new StartTimeoutError(
    `The server was not healthy within ${options.values.startTimeoutMs} ms: ${last}`,
  )
  return { error, reason: 'start timed out' }
}

/** The server runs, but does not answer. */
export function wedged({ context: { failures, probeError = 'of silence' } }: Scope): Failure {
  const error = new ServerWedgedError(
    `The server stopped answering: ${failures} probes in a row failed, the last one because ${probeError}`,
  )
  return { error, reason: 'wedged' }
}

/** The server holds more than it may. */
export function memoryExceeded({ context, event }: Scope & { event: MemoryExceeded }): { reason: string } {
  const { memoryLimitMb = Infinity } = context.options.values
  return { reason: `memory limit: ${event.residentMb} MiB held, ${memoryLimitMb} allowed` }
}

/** Returns the failure of a probe that failed by a defect of ours: no restart helps. */
export const probeDefect = (error: unknown): Failure => ({
  error: asRuntimeError(error, 'The health probe failed'),
  reason: 'probe failed by a defect',
})

/** The binary is too old. */
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
  const range =
    tested.from === tested.to ? `tested is ${tested.to}` : `tested are ${tested.from} to ${tested.to}`
  return `untested version: opencode ${version}, ${range}`
}

/** The process's actor ended, so that nothing is heard of the process any more. */
export function processLost(cause: unknown): ServerExitedError {
  const detail = cause instanceof Error ? cause.message : 'its actor ended'
  return new ServerExitedError(`The server's process was lost: ${detail}`, {}, { cause })
}

/** Returns the error of a spent restart budget; the failure itself stands if there was none, or if a turn had its one try. */
export function spent(context: ServerContext): Partial<Failure> {
  const { options, error, now, isLastTry } = context
  const { maxRestarts, restartWindowMs } = options.values
  if (maxRestarts === 0 || isLastTry || !error) return {}
  const message = `The server failed ${recentRestarts(context, now).length + 1} times within ${restartWindowMs} ms; the last time: ${error.message}`
  return { error: new RestartLimitError(message, { cause: error }), reason: 'restart budget spent' }
}

/** For turns of a server that is stopped. */
export const stopped: TurnCause = { code: 'cancelled', error: 'The server was stopped' }

/** Returns the reason for the end of a turn whose actor failed, or ended without a reply: a defect of this package. */
export const turnLost = (thrown: unknown): TurnCause => ({
  code: 'internal',
  error: thrown instanceof Error ? thrown.message : 'The turn ended without a reply',
})

/** For turns in flight when the server ends. */
export function ended({ ending, error, reason = 'unknown' }: ServerContext): TurnCause {
  if (ending === 'stop') return stopped
  const what = ending === 'replacement' ? 'was replaced before the turn had ended' : 'died'
  return { code: 'server_died', error: `The server ${what}: ${error?.message ?? reason}` }
}

/** Returns the end of turns on a server that failed for good; retryable as its cause is. */
export const unavailable = ({ error }: ServerContext): TurnCause => ({
  code: 'server_unavailable',
  retryable: error?.retryable ?? true,
  error: `The server is not available: ${error ? messageWithoutPaths(error) : 'it failed'}`,
})

/** For a turn that finds the queue full. */
export const overloaded = ({ options }: ServerContext): TurnCause => ({
  code: 'overloaded',
  error: `${options.values.maxQueuedTurns} turns wait already; the option maxQueuedTurns allows no more`,
})
