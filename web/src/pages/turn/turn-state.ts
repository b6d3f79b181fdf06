import type { Turn, Usage } from '../../api/types.ts'
import { turnStateOf, type ShownState } from '../../words/states.ts'
import type { TurnView } from './transcript.ts'

/**
 * Returns the state of a turn.
 *
 * @param turn - The turn as the gateway told it.
 * @param view - What the stream has told, which is newer.
 * @param isAsking - True if a request of the turn Waits for an answer.
 */
export function shownState(turn: Turn | undefined, { end, status }: TurnView, isAsking: boolean): ShownState {
  const last = end ?? turn?.reply
  if (isAsking && !hasEnded(turn, { end })) return { word: 'Waits for an answer', tone: 'warn' }
  return turnStateOf(turn?.state === 'done' ? 'done' : (status?.state ?? turn?.state ?? 'queued'), last)
}

/** Returns whether a turn has ended. */
export const hasEnded = (turn: Turn | undefined, { end }: Pick<TurnView, 'end'>): boolean =>
  end !== undefined || turn?.state === 'done'

/** Returns the tokens and the cost of a turn; the end of the stream tells them before the turn is read again. */
export const usageOf = (turn: Turn, { end }: TurnView): Usage =>
  end?.kind === 'final' ? end.usage : turn.usage
