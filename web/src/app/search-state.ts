import { useEffect, useRef, useState } from 'preact/hooks'
import { navigate } from './router.ts'

/** Time after the last change after which the address follows, because browsers limit how often it may change, in ms. */
const settleMs = 200

/**
 * Returns a state that the query of the page's address holds, and a function that changes it.
 *
 * @param parse - reads the state from a query such as `?q=a`
 * @param write - writes the state as such a query; empty for the usual state
 */
export function useSearchState<T>(
  parse: (search: string) => T,
  write: (state: T) => string,
): [T, (state: T) => void] {
  const [state, setState] = useState(() => parse(location.search))
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => {
    const read = () => setState(parse(location.search))
    addEventListener('popstate', read)
    return () => {
      clearTimeout(timer.current)
      removeEventListener('popstate', read)
    }
  }, [parse])
  const change = (next: T) => {
    setState(() => next)
    clearTimeout(timer.current)
    timer.current = setTimeout(() => {
      navigate(`${location.pathname}${write(next)}`, { replace: true })
    }, settleMs)
  }
  return [state, change]
}
