import type { ReadonlySignal } from '@preact/signals-core'
import { useEffect, useState } from 'preact/hooks'

/**
 * Returns the value of a signal, which changes at most once in a time: at once after a quiet time, else at its end.
 *
 * @param ms - time between two changes, in ms
 */
export function useThrottled<T>(signal: ReadonlySignal<T>, ms: number): T {
  const [value, setValue] = useState(() => signal.peek())
  useEffect(() => {
    let last = -Infinity
    let timer: ReturnType<typeof setTimeout> | undefined
    const pass = () => {
      timer = undefined
      last = performance.now()
      setValue(() => signal.peek())
    }
    const stop = signal.subscribe(() => {
      timer ??= setTimeout(pass, Math.max(0, last + ms - performance.now()))
    })
    return () => {
      stop()
      clearTimeout(timer)
    }
  }, [signal, ms])
  return value
}
