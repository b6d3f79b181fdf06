import { OpenCodeRuntimeError, ServerExitedError, SessionNotFoundError, StoppedError } from '../../errors.ts'
import { HttpError } from '../../io/opencode/client.ts'
import { messageOf } from '../../util/messages.ts'
import { safeLine, type Mask } from '../turn/reducer/failure.ts'
import type { TurnCause } from '../turn/refusal.ts'

/** Returns the error of an operation that ends for a local reason. */
export function failureOfOperation(what: string, { code, error, thrown }: TurnCause, mask: Mask): Error {
  if (thrown) return thrown
  const message = `${what}: ${safeLine(mask(error))}`
  if (code === 'cancelled') return new StoppedError(message)
  return code === 'server_died' ? new ServerExitedError(message) : new OpenCodeRuntimeError(message)
}

/**
 * Returns the error of a request that failed.
 *
 * @param what - description of the operation: `The history could not be read`
 */
export function failureOfRequest(
  what: string,
  sessionId: string | undefined,
  error: unknown,
  mask: Mask,
): Error {
  if (error instanceof OpenCodeRuntimeError) return error
  if (error instanceof HttpError && error.status === 404 && sessionId !== undefined)
    return new SessionNotFoundError(`${what}: there is no session ${sessionId}`, { cause: error })
  const detail = error instanceof HttpError ? `the server answered ${error.status}: ` : ''
  return new OpenCodeRuntimeError(`${what}: ${detail}${safeLine(mask(messageOf(error)))}`, { cause: error })
}
