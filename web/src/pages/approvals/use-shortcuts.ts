import type { RefObject, TargetedKeyboardEvent } from 'preact'

/** Keys that move between requests, and the number of requests by which they move. */
const steps = new Map([
  ['j', 1],
  ['k', -1],
])

/** Returns the handler of the keys of a list of requests: keys work only while a request has the focus. */
export function useShortcuts(
  list: RefObject<HTMLElement | null>,
): (event: TargetedKeyboardEvent<HTMLElement>) => void {
  return (event) => {
    const { key, ctrlKey, metaKey, altKey } = event
    const target = event.target as HTMLElement
    const step = steps.get(key)
    if (step === undefined || ctrlKey || metaKey || altKey || target.matches('input')) return
    const cards = [...(list.current?.querySelectorAll('article') ?? [])]
    const next = cards[cards.findIndex((card) => card.contains(target)) + step]
    next?.focus()
    next?.scrollIntoView({ block: 'nearest' })
  }
}
