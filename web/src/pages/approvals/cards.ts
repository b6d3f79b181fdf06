import type { PendingRequest } from '../../api/types.ts'
import type { ClosedBy, SentAnswer } from './outcome.ts'

/** End of a request. */
export interface Closed {
  by: ClosedBy
  /** Time in epoch ms. */
  at: number
}

/** Request on the page. */
export interface Card {
  pending: PendingRequest
  sent?: SentAnswer
  closed?: Closed
}

/** Facts that the page is made of. */
export interface CardFacts {
  open: readonly PendingRequest[]
  closed: ReadonlyMap<string, Closed & { pending: PendingRequest }>
  sent: ReadonlyMap<string, SentAnswer>
  /** Ids of the closed requests that have left their place among the open ones. */
  left: ReadonlySet<string>
}

/**
 * Returns the cards of the page, the oldest first. A request that is closed keeps its place for a while, so that its outcome is seen and
 * no other card moves under the pointer.
 */
export function cardsOf({ open, closed, sent, left }: CardFacts): readonly Card[] {
  const openIds = new Set(open.map(({ request }) => request.id))
  const ended = [...closed.values()].filter(({ pending }) => !openIds.has(pending.request.id))
  const cards = [
    ...open.map((pending) => cardOf(pending, sent)),
    ...ended.map(({ pending, by, at }) => ({ ...cardOf(pending, sent), closed: { by, at } })),
  ]
  return cards
    .filter(({ pending }) => !left.has(pending.request.id))
    .sort((a, b) => a.pending.at - b.pending.at)
}

function cardOf(pending: PendingRequest, answers: ReadonlyMap<string, SentAnswer>): Card {
  const sent = answers.get(pending.request.id)
  return { pending, ...(sent && { sent }) }
}

/** Returns whether a card is over: its request has ended, or the gateway said so in its response. */
export const isOver = ({ closed, sent }: Card): boolean =>
  closed !== undefined || sent?.state === 'taken' || sent?.state === 'late'
