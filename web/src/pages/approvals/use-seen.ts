import type { RefObject } from 'preact'
import { useEffect, useState } from 'preact/hooks'

/**
 * Progress of reading a text. `cut`: the end of the text is below, in its own box. `reached`: the box shows the end, but
 * may be off the screen. `seen`: the end was on the screen.
 */
export type Seen = 'cut' | 'reached' | 'seen'

/**
 * Follows how far a text was read. Its box gets the attribute `data-seen`.
 *
 * @param box - element that holds the text and its end, and may scroll; parts of the text that are cut carry `data-cut`
 * @param end - element after the text
 */
export function useSeen(box: RefObject<HTMLElement | null>, end: RefObject<HTMLElement | null>): Seen {
  const [seen, setSeen] = useState<Seen>('cut')
  useEffect(() => {
    const [text, last] = [box.current, end.current]
    if (!text || !last) return undefined
    const look = () => setSeen((former) => furthest(former, text, last))
    const observers = [text, null].map((root) => new IntersectionObserver(look, { root }))
    // An observer reports an element when it begins to observe it.
    const again = () => {
      for (const observer of observers) {
        observer.unobserve(last)
        observer.observe(last)
      }
    }
    const changes = new MutationObserver(again)
    changes.observe(text, { childList: true, subtree: true })
    document.addEventListener('visibilitychange', again)
    again()
    return () => {
      for (const observer of [...observers, changes]) observer.disconnect()
      document.removeEventListener('visibilitychange', again)
    }
  }, [box, end])
  return seen
}

function furthest(former: Seen, text: HTMLElement, end: HTMLElement): Seen {
  if (former === 'seen' || text.querySelector('[data-cut]')) return former
  if (isOnScreen(text, end)) return 'seen'
  return isWithin(end.getBoundingClientRect(), text.getBoundingClientRect()) ? 'reached' : former
}

interface Span {
  top: number
  bottom: number
}

/** Slack for sizes that are no whole pixels, in px. */
const slack = 1

const isWithin = (end: Span, { top, bottom }: Span): boolean =>
  end.top >= top - slack && end.bottom <= bottom + slack

function isOnScreen(text: HTMLElement, end: HTMLElement): boolean {
  const place = end.getBoundingClientRect()
  const isInView = isWithin(place, { top: 0, bottom: innerHeight })
  return !document.hidden && isInView && isWithin(place, text.getBoundingClientRect())
}

/** Class of the element after a text. */
export const endClass = 'approvals-end'

/** Returns the end of the first text within an element that was not on the screen, and is not now. */
export function firstUnseen(element: Element): Element | undefined {
  const texts = [...element.querySelectorAll<HTMLElement>('[data-seen]:not([data-seen=seen])')]
  return (
    texts
      .map((text) => [text, text.querySelector<HTMLElement>(`.${endClass}`)] as const)
      .find(([text, end]) => end && !isOnScreen(text, end))
      ?.at(1) ?? undefined
  )
}
