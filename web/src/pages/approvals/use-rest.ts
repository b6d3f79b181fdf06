import type { RefObject } from 'preact'
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { settleMs } from './inert.ts'

/** Distance that counts as a move, in px. */
const slack = 2

/** Rest of an element: the time since it has appeared or moved. */
export interface Rest {
  /** Time since the element has appeared or moved, in ms, as of the last rendering. */
  restedMs: number
  /** Measures again. Returns the time since the element has appeared or moved, in ms. */
  measure: () => number
}

/**
 * Follows the place of an element, such as a group of buttons, in its document. Scrolling by the person is no move.
 * That the page comes into view, and that the window gets the focus, count as moves, because the click that does so is
 * not meant for a button.
 */
export function useRest(element: RefObject<HTMLElement | null>): Rest {
  const [restedMs, setRestedMs] = useState(0)
  const place = useRef({ top: 0, left: 0 })
  const movedAt = useRef(-Infinity)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)

  const disturb = useCallback(() => {
    movedAt.current = performance.now()
    setRestedMs(0)
    clearTimeout(timer.current)
    timer.current = setTimeout(() => setRestedMs(settleMs), settleMs)
  }, [])

  const measure = useCallback(() => {
    const { current } = element
    if (current) {
      const former = place.current
      place.current = placeOf(current)
      const [right, down] = [place.current.left - former.left, place.current.top - former.top]
      // An element that was not measured before has just appeared.
      if (movedAt.current === -Infinity || Math.hypot(right, down) > slack) disturb()
    }
    return performance.now() - movedAt.current
  }, [element, disturb])

  // After every rendering, because what stands above may have come or gone.
  useLayoutEffect(() => void measure())
  useEffect(() => followPage(measure, disturb), [measure, disturb])
  useEffect(() => () => clearTimeout(timer.current), [])
  return { restedMs, measure }
}

/** Returns the place of an element within the content that scrolls. */
function placeOf(element: HTMLElement): { top: number; left: number } {
  const { top, left } = element.getBoundingClientRect()
  return { top: top + scrollY, left: left + scrollX }
}

/** Calls back when the page may have moved its content, and when the page comes to the person. */
function followPage(measure: () => void, disturb: () => void): () => void {
  const onVisible = () => {
    if (!document.hidden) disturb()
  }
  const sizes = new ResizeObserver(measure)
  sizes.observe(document.body)
  document.addEventListener('visibilitychange', onVisible)
  addEventListener('focus', disturb)
  return () => {
    sizes.disconnect()
    document.removeEventListener('visibilitychange', onVisible)
    removeEventListener('focus', disturb)
  }
}
