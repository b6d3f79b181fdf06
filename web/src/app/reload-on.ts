import { useEffect, useRef } from 'preact/hooks'

/** Reads a value again when something else changes, such as the number of turns that have ended. */
export function useReloadOn(change: unknown, reload: () => void): void {
  const former = useRef(change)
  useEffect(() => {
    if (former.current === change) return
    former.current = change
    reload()
  }, [change, reload])
}
