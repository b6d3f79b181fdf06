import { computed, signal } from '@preact/signals'
import { closedRequests, requests } from '../../live/store.ts'
import { sentAnswers } from './answers.ts'
import { cardsOf, type Cards } from './cards.ts'

/** Ids of the closed requests that have left their place. */
const leftIds = signal<ReadonlySet<string>>(new Set())

/** Most ids that are remembered; the store remembers fewer closed requests. */
const most = 400

/** Cards of the page. */
export const cards = computed<Cards>(() =>
  cardsOf({
    open: requests.value,
    closed: closedRequests.value,
    sent: sentAnswers.value,
    left: leftIds.value,
  }),
)

/** Moves a closed request from its place into the list of closed requests. */
export function leave(id: string): void {
  leftIds.value = new Set([...leftIds.value, id].slice(-most))
}
