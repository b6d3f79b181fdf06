import type { RefObject } from 'preact'
import { useEffect } from 'preact/hooks'

/**
 * Calls back once when the end of a text has been on the screen, with nothing before it cut.
 *
 * @param box - element that holds the text and its end; parts of the text that are cut carry `data-cut`
 * @param end - element after the text
 */
export function useSeen(
  box: RefObject<HTMLElement | null>,
  end: RefObject<HTMLElement | null>,
  onSeen: () => void,
): void {
  useEffect(() => {
    const [text, last] = [box.current, end.current]
    if (!text || !last) return undefined
    const observer = new IntersectionObserver((entries) => {
      const isSeen = entries.some(({ isIntersecting }) => isIntersecting) && !document.hidden
      if (!isSeen || text.querySelector('[data-cut]')) return
      stop()
      onSeen()
    })
    // An observer reports an element when it begins to observe it.
    const again = () => {
      observer.unobserve(last)
      observer.observe(last)
    }
    const changes = new MutationObserver(again)
    const stop = () => {
      observer.disconnect()
      changes.disconnect()
      document.removeEventListener('visibilitychange', again)
    }
    changes.observe(text, { childList: true, subtree: true })
    document.addEventListener('visibilitychange', again)
    again()
    return stop
  }, [box, end, onSeen])
}
