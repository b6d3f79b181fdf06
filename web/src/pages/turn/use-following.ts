import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { TurnView } from './transcript.ts'

/** Distance from the end of the page within which the page counts as at its end, in CSS pixels. */
const near = 80

/** Position of the reader: behind the end or not, and the way there. */
export interface Following {
  isBehind: boolean
  jump: () => void
}

/** Keeps the end of the page in view while a turn runs, unless the reader has scrolled up. */
export function useFollowing(view: TurnView, isRunning: boolean): Following {
  const isAtEnd = useRef(true)
  const [isBehind, setBehind] = useState(false)
  useEffect(() => {
    const onScroll = () => {
      isAtEnd.current = isNearEnd()
      if (isAtEnd.current) setBehind(false)
    }
    addEventListener('scroll', onScroll, { passive: true })
    return () => removeEventListener('scroll', onScroll)
  }, [])
  useLayoutEffect(() => {
    if (!isRunning) return
    if (isAtEnd.current) scrollToEnd()
    else setBehind(true)
  }, [view, isRunning])
  return { isBehind: isBehind && isRunning, jump: scrollToEnd }
}

const page = () => document.documentElement

const isNearEnd = (): boolean => page().scrollHeight - page().clientHeight - page().scrollTop < near

const scrollToEnd = (): void => page().scrollTo({ top: page().scrollHeight })
