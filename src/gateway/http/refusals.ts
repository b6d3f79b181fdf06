import { InvalidOptionsError } from '../../errors.ts'
import type { ErrorReply } from '../../replies.ts'
import { wireTexts } from '../schemas/wire-texts.ts'
import type { TurnLogError } from '../turns/turn-log.ts'
import { ProblemError } from './problem.ts'
import { asProblem } from './problems.ts'

/** Time after which a client should ask a gateway again that drains or whose store is full, in ms. */
const retryMs = { draining: 5_000, full: 60_000 }

/** Returns a problem that may be gone after a time. */
function later(
  problem: { status: number; code: string; detail: string },
  retryAfterMs: number,
): ProblemError {
  const headers = { 'retry-after': `${Math.ceil(retryAfterMs / 1000)}` }
  return new ProblemError({ ...problem, retry_after_ms: retryAfterMs }, headers)
}

/** Returns the problem of a turn for a gateway that drains. */
export const draining = (): ProblemError =>
  later(
    {
      status: 503,
      code: 'ERR_OPENCODE_STOPPED',
      detail: 'The gateway is shutting down: send the request to another gateway, or again later',
    },
    retryMs.draining,
  )

/** Returns the problem of a turn whose texts were deleted with its session or agent. */
export const erased = (): ProblemError =>
  new ProblemError({
    status: 409,
    code: 'ERR_OPENCODE_TURN_ERASED',
    detail:
      'The texts of the turn were deleted with its session or agent: to run it again, send the request with another Idempotency-Key',
  })

/** Returns the problem of a turn that the log cannot take. */
export function refusedByLog(error: TurnLogError): ProblemError {
  const known = asProblem(error)
  return error.fault === 'full' ? later(known.problem, retryMs.full) : known
}

/** Returns the problem of a turn that the fleet refused at once; `undefined` for any other end of a turn. */
export function refusedByFleet({ code, error }: ErrorReply): ProblemError | undefined {
  if (code === 'overloaded') return later({ status: 429, code, detail: wireTexts(error) }, waitOf(error))
  // The fleet names the fields of the input as the library does.
  if (code === 'rejected')
    return asProblem(new InvalidOptionsError(error.replaceAll(/turn input/gi, 'field')))
  return undefined
}

/** Returns the wait that the message of an `overloaded` reply tells, in ms. */
const waitOf = (message: string): number => Number(/about (\d+) s$/.exec(message)?.[1] ?? 1) * 1000
