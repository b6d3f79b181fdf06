import type { TurnCause } from '../actors/refusal.ts'
import { OpenCodeRuntimeError, RestartLimitError, ServerExitedError, StartTimeoutError } from '../errors.ts'
import type { ServerContext } from './context.ts'

/** Why a server failed: what `lifecycle$` shows. */
export interface Failure {
  error: OpenCodeRuntimeError
  reason: string
}

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
  const error = new OpenCodeRuntimeError(
    `The server stopped answering: ${failures} probes in a row failed, the last one because ${probeError}`,
  )
  return { error, reason: 'wedged' }
}

/** The process's actor ended, so that nothing is heard of the process any more. */
export function processLost(cause: unknown): ServerExitedError {
  const detail = cause instanceof Error ? cause.message : 'its actor ended'
  return new ServerExitedError(`The server's process was lost: ${detail}`, {}, { cause })
}

/** The restart budget is spent; of none, the failure itself stands. */
export function spent({ options, error, recentRestarts }: ServerContext): Partial<Failure> {
  const { maxRestarts, restartWindowMs } = options.values
  if (maxRestarts === 0 || !error) return {}
  const message = `The server failed ${recentRestarts + 1} times within ${restartWindowMs} ms; the last time: ${error.message}`
  return { error: new RestartLimitError(message, { cause: error }), reason: 'restart budget spent' }
}

/** For turns of a server that is stopped. */
export const stopped: TurnCause = { code: 'cancelled', error: 'The server was stopped' }

/** For a turn that its host cancels. */
export const cancelled: TurnCause = { code: 'cancelled', error: 'The turn was cancelled' }

/** For turns in flight when the server failed. */
export const died = ({ error, reason }: ServerContext): TurnCause => ({
  code: 'server_died',
  error: `The server died: ${error?.message ?? reason ?? 'unknown'}`,
})

/** For turns on a server that failed for good. */
export const unavailable = ({ error }: ServerContext): TurnCause => ({
  code: 'server_unavailable',
  error: `The server is not available: ${error?.message ?? 'it failed'}`,
})

/** For a turn that finds the queue full. */
export const overloaded = ({ options }: ServerContext): TurnCause => ({
  code: 'overloaded',
  error: `${options.values.maxQueuedTurns} turns wait already; the option maxQueuedTurns allows no more`,
})
