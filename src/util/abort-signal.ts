import { setMaxListeners } from 'node:events'

/**
 * Calls a function when a signal aborts, at most once; a signal that has aborted already calls nothing.
 * One signal for many callers is what signals are for: the signal's limit of listeners is lifted, since Node would warn of
 * a leak at the 11th.
 * @returns a function that ends the wait
 */
export function onAbort(signal: AbortSignal | undefined, act: () => void): () => void {
  if (!signal) return () => undefined
  setMaxListeners(0, signal)
  signal.addEventListener('abort', act, { once: true })
  return () => signal.removeEventListener('abort', act)
}
