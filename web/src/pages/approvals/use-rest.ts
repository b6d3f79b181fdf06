import type { RefObject } from 'preact'
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { settleMs } from './inert.ts'

/** Distance that counts as a move, in px. */
const slack = 2

/** Rest of a card: the time since it has appeared or moved. */
export interface Rest {
  /** Time since the card has appeared or moved, in ms, as of the last rendering. */
  restedMs: number
  /** Measures again, because the person presses now. Returns the time since the card has appeared or moved, in ms. */
  measure: () => number
}

/**
 * Follows the place of a card in its document. Scrolling by the person is no move. That the page comes into view, and
 * that the window gets the focus, count as moves, because the click that does so is not meant for a button.
 */
export function useRest(card: RefObject<HTMLElement | null>): Rest {
  const [restedMs, setRestedMs] = useState(0)
  const place = useRef({ top: NaN, left: NaN, movedAt: performance.now() })
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)

  const disturb = useCallback(() => {
    place.current.movedAt = performance.now()
    setRestedMs(0)
    clearTimeout(timer.current)
    timer.current = setTimeout(() => setRestedMs(settleMs), settleMs)
  }, [])

  const measure = useCallback(() => {
    const { current } = card
    if (current) {
      const { top, left } = placeOf(current)
      const isMoved = Math.abs(top - place.current.top) > slack || Math.abs(left - place.current.left) > slack
      place.current = { ...place.current, top, left }
      if (isMoved) disturb()
    }
    return performance.now() - place.current.movedAt
  }, [card, disturb])

  // After every rendering, because another card may have come or gone.
  useLayoutEffect(() => {
    if (Number.isNaN(place.current.top) && card.current) {
      place.current = { ...placeOf(card.current), movedAt: performance.now() }
      disturb()
    } else measure()
  })
  useEffect(() => followPage(measure, disturb), [measure, disturb])
  useEffect(() => () => clearTimeout(timer.current), [])
  return { restedMs, measure }
}

/** Returns the place of an element within the content that scrolls. */
function placeOf(element: HTMLElement): { top: number; left: number } {
  const { top, left } = element.getBoundingClientRect()
  let [x, y] = [left + scrollX, top + scrollY]
  for (let { parentElement } = element; parentElement; { parentElement } = parentElement) {
    if (parentElement === document.documentElement || parentElement === document.body) break
    x += parentElement.scrollLeft
    y += parentElement.scrollTop
  }
  return { top: y, left: x }
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
