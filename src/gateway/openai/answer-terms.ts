import { rightLost } from '../access/problems.ts'
import { ProblemError } from '../http/problem.ts'
import { draining } from '../http/refusals.ts'
import type { LoggedTurn, TurnLog } from '../turns/turn-log.ts'
import type { TurnReading } from './turn-reading.ts'

/** Turn whose replies become the answer to a request. */
export interface AnswerTerms {
  log: TurnLog
  turn: LoggedTurn
  reading: TurnReading
  /** Resolves when the session of this turn alone is deleted, or after a time limit. */
  settled: () => Promise<void>
}

/** Returns the turn as it is now. */
export const turnNow = async ({ log, turn }: AnswerTerms): Promise<LoggedTurn> =>
  (await log.get(turn.turnId)) ?? turn

/** Returns the headers of an answer. */
export const headersOf = ({ turnId, sessionId }: LoggedTurn): Record<string, string> => ({
  'turn-id': turnId,
  ...(sessionId !== null && { 'x-session-id': sessionId }),
})

/** Returns the failure of a request whose replies end before the terminal one. */
export async function cutOff(terms: AnswerTerms): Promise<ProblemError> {
  if (terms.reading.hasLostRight) return rightLost()
  if ((await turnNow(terms)).state !== 'done') return draining()
  return new ProblemError({
    status: 404,
    code: 'ERR_OPENCODE_UNKNOWN_TURN',
    detail: 'The texts of the turn were deleted: send the request again, with another Idempotency-Key',
  })
}
