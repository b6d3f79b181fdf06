import { setMaxListeners } from 'node:events'

/**
 * Calls a function when a signal aborts, at most once; does not call the function if the signal has already
 * aborted. The signal's listener limit is lifted, because Node would report a leak at the 11th listener of a
 * shared signal.
 *
 * @returns a function that removes the listener
 */
export function onAbort(signal: AbortSignal | undefined, act: () => void): () => void {
  if (!signal) return () => undefined
  setMaxListeners(0, signal)
  signal.addEventListener('abort', act, { once: true })
  return () => signal.removeEventListener('abort', act)
}

/** Settles as a promise does, or rejects with the signal's reason when the signal aborts first. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stopListening = onAbort(signal, () => reject(signal.reason as Error))
    if (signal.aborted) reject(signal.reason as Error)
    promise.then(resolve, reject).finally(stopListening)
  })
}
