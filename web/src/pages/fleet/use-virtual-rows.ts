import type { RefObject } from 'preact'
import { useLayoutEffect, useState } from 'preact/hooks'
import { rangeOf, type RowRange } from './virtual-rows.ts'

/** Height of a row before the style is known, in px. */
const usualHeight = 44

/**
 * Returns the rows that are on the screen, and the height of each. Follows the scrolling of any ancestor.
 *
 * @param body - element that holds the rows, whose style names their height in `--fleet-row-height`
 */
export function useVirtualRows(
  body: RefObject<HTMLElement | null>,
  count: number,
): RowRange & { height: number } {
  const [rows, setRows] = useState({ first: 0, end: Math.min(count, 40), height: usualHeight })
  useLayoutEffect(() => {
    const measure = () => {
      const { current } = body
      if (!current) return
      const height =
        parseFloat(getComputedStyle(current).getPropertyValue('--fleet-row-height')) || usualHeight
      const { top } = current.getBoundingClientRect()
      const { first, end } = rangeOf({ count, height, top, screen: innerHeight })
      setRows((former) =>
        former.first === first && former.end === end && former.height === height
          ? former
          : { first, end, height },
      )
    }
    let frame = 0
    const later = () => {
      cancelAnimationFrame(frame)
      frame = requestAnimationFrame(measure)
    }
    measure()
    addEventListener('scroll', later, { capture: true, passive: true })
    addEventListener('resize', later)
    return () => {
      cancelAnimationFrame(frame)
      removeEventListener('scroll', later, { capture: true })
      removeEventListener('resize', later)
    }
  }, [body, count])
  // The list may have become shorter since the last measure.
  return { ...rows, first: Math.min(rows.first, count), end: Math.min(rows.end, count) }
}
