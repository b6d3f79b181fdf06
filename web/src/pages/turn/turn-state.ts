import type { Turn, Usage } from '../../api/types.ts'
import type { Tone } from '../../words/states.ts'
import type { TurnView } from './transcript.ts'

/** State of a turn as a person reads it. */
export interface ShownState {
  word: string
  tone: Tone
}

const states: Readonly<Record<string, ShownState>> = {
  queued: { word: 'Queued', tone: 'idle' },
  waiting_for_server: { word: 'Waits for the server', tone: 'idle' },
  running: { word: 'Running', tone: 'busy' },
  retrying: { word: 'Retries', tone: 'warn' },
  resyncing: { word: 'Reads what it missed', tone: 'warn' },
}

/**
 * Returns the state of a turn.
 *
 * @param turn - The turn as the gateway told it.
 * @param view - What the stream has told, which is newer.
 * @param isAsking - True if a request of the turn Waits for an answer.
 */
export function shownState(turn: Turn | undefined, { end, status }: TurnView, isAsking: boolean): ShownState {
  const last = end ?? turn?.reply
  if (last?.kind === 'final') return { word: 'Done', tone: 'ok' }
  if (last?.kind === 'error')
    return last.code === 'cancelled' ? { word: 'Cancelled', tone: 'idle' } : { word: 'Failed', tone: 'bad' }
  if (turn?.state === 'done') return { word: 'Done', tone: 'ok' }
  if (isAsking) return { word: 'Waits for an answer', tone: 'warn' }
  const known = states[status?.state ?? turn?.state ?? 'queued']
  return known ?? { word: 'Running', tone: 'busy' }
}

/** Returns whether a turn has ended. */
export const hasEnded = (turn: Turn | undefined, view: TurnView): boolean =>
  view.end !== undefined || turn?.state === 'done'

/** Returns the tokens and the cost of a turn; the end of the stream tells them before the turn is read again. */
export const usageOf = (turn: Turn, { end }: TurnView): Usage =>
  end?.kind === 'final' ? end.usage : turn.usage
