import type { WireError, WireMessage } from '../../../io/opencode/wire.ts'
import type { Failure } from './failure.ts'

/** End of a turn: the finish reason of the answer, or the failure. */
export type Ending = { finish: string | undefined } | { failure: Failure }

const aborted: Failure = { code: 'cancelled', error: 'Aborted', retryable: false }

/** Failure of a turn whose session went idle although the server neither answered nor reported an error. */
export const noAnswer: Failure = {
  code: 'internal',
  error: 'The server went idle without an answer',
  retryable: false,
}

/**
 * Returns the end of a turn whose session is idle; `undefined` if the end is not certain yet.
 *
 * @param last - the turn's last assistant message
 * @param failure - the first error since the last progress
 * @param failureOf - converts an error of the server
 */
export function endingOf(
  last: WireMessage | undefined,
  failure: Failure | undefined,
  failureOf: (error: WireError) => Failure,
): Ending | undefined {
  const isComplete = last?.completed === true && last.finish !== undefined && !last.error
  if (isComplete && last.finish !== 'tool-calls') return { finish: last.finish }
  if (failure) return { failure }
  if (last?.error) return { failure: failureOf(last.error) }
  if (isComplete) return { finish: last.finish }
  return last?.completed ? { failure: aborted } : undefined
}

/**
 * Returns the failure for an error before the prompt became a message: the server rejected the input (unknown
 * agent, undecodable image).
 */
export const rejectedInput = (failure: Failure): Failure =>
  failure.code === 'internal' ? { ...failure, code: 'rejected' } : failure

/**
 * Returns the failure of a turn whose repeated tool call was rejected; other failures are returned unchanged.
 *
 * @remarks Observed in opencode: three identical calls ask for the permission `doom_loop`. Its
 * rejection ends the turn with an UnknownError, also with a message, and the calls get no result.
 */
export const rejectedLoop = (failure: Failure): Failure =>
  failure.code === 'internal' && failure.error.startsWith('The user rejected permission to use')
    ? { code: 'rejected', error: loopRejected, retryable: false }
    : failure

/** Returns whether a turn ends because the model repeated a tool call, and the policy rejected that. */
export const isRejectedLoop = (ending: Ending): boolean =>
  'failure' in ending && ending.failure.error === loopRejected

/** Returns whether the server stopped the turn after a tool call, because a request was rejected. */
export const isStopped = (ending: Ending): boolean => 'finish' in ending && ending.finish === 'tool-calls'

/** Returns whether the server reports that the turn was aborted. */
export const isServerAbort = (ending: Ending): boolean =>
  'failure' in ending && ending.failure.code === 'cancelled'

const loopRejected =
  'The model repeated the same tool call, and the permission doom_loop was rejected; answer it with "once" to let the model continue'
