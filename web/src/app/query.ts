import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { ApiError } from '../api/client.ts'

/** Value that is read from the gateway. */
export interface Query<T> {
  /** Last value; stays while it is read again. */
  data: T | undefined
  error: ApiError | undefined
  isLoading: boolean
  /** Reads the value again. */
  reload: () => void
}

interface State<T> {
  key: string
  data?: T
  error?: ApiError
  isLoading: boolean
}

/**
 * Reads a value when the component is shown, when the key changes, and on `reload`.
 *
 * @param key - says which value it is: a value of another key is not shown
 */
export function useQuery<T>(key: string, read: (signal: AbortSignal) => Promise<T>): Query<T> {
  const [state, setState] = useState<State<T>>({ key, isLoading: true })
  const [round, setRound] = useState(0)
  const latest = useRef(read)
  latest.current = read
  useEffect(() => {
    const abort = new AbortController()
    setState((before) => (before.key === key ? { ...before, isLoading: true } : { key, isLoading: true }))
    latest.current(abort.signal).then(
      (data) => {
        if (!abort.signal.aborted) setState({ key, data, isLoading: false })
      },
      (error: unknown) => {
        if (abort.signal.aborted) return
        setState((before) => ({ ...before, key, error: asApiError(error), isLoading: false }))
      },
    )
    return () => abort.abort()
  }, [key, round])
  const reload = useCallback(() => setRound((before) => before + 1), [])
  const own = state.key === key ? state : undefined
  return { data: own?.data, error: own?.error, isLoading: own?.isLoading ?? true, reload }
}

/** Returns a failure as an {@link ApiError}. */
export const asApiError = (error: unknown): ApiError =>
  error instanceof ApiError ? error : new ApiError(0, error instanceof Error ? error.message : String(error))
