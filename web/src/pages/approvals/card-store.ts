import { computed, signal } from '@preact/signals-core'
import { closedRequests, requests } from '../../live/store.ts'
import { sentAnswers } from './answers.ts'
import { cardsOf, type Card } from './cards.ts'

/** Ids of the closed requests that have left their place. */
const leftIds = signal<ReadonlySet<string>>(new Set())

/** Most ids that are remembered; the store remembers fewer closed requests. */
const most = 400

/** Cards of the page. */
export const cards = computed<readonly Card[]>(() =>
  cardsOf({
    open: requests.value,
    closed: closedRequests.value,
    sent: sentAnswers.value,
    left: leftIds.value,
  }),
)

/** Takes a closed request off the page. */
export function leave(id: string): void {
  leftIds.value = new Set([...leftIds.value, id].slice(-most))
}
