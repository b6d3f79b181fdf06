/** Time after buttons have appeared or moved in which they do nothing, in ms. */
export const settleMs = 500

/** Facts that decide if a request can be answered now. */
export interface AnswerFacts {
  isSending: boolean
  /** True if the time limit has passed by the clock of the gateway. */
  isOver: boolean
  /** True while the input of the tool call is being read. */
  isLoading: boolean
  /** True if the end of everything that is asked has been on the screen. */
  isRead: boolean
  /** True if the card tells nothing of the call, and the person has not agreed to that. */
  isUntold: boolean
  /** Time since the buttons have appeared or moved, in ms. */
  restedMs: number
}

/** Reason for which the answer buttons of a card do nothing. */
export type InertReason = 'sending' | 'over' | 'loading' | 'unread' | 'untold' | 'moved'

/** Returns the reason for which a request cannot be answered now; `undefined` if it can. */
export function inertReason(facts: AnswerFacts): InertReason | undefined {
  if (facts.isSending) return 'sending'
  if (facts.isOver) return 'over'
  if (facts.isLoading) return 'loading'
  if (!facts.isRead) return 'unread'
  if (facts.isUntold) return 'untold'
  return facts.restedMs < settleMs ? 'moved' : undefined
}

/** Sentences below the buttons; a moment passes without words. */
export const inertWords: Readonly<Partial<Record<InertReason, string>>> = {
  sending: 'Sending the answer…',
  over: 'The time limit has passed. Waiting for the gateway to close the request.',
  loading: 'Reading the input of the tool call…',
  unread: 'Scroll to the end of what is asked. Then you can answer.',
  untold: 'Confirm above that you answer without seeing the input.',
}
