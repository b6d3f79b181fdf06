/** Longest wait between two attempts, in ms. */
const longestWaitMs = 2_000

/**
 * Calls `attempt` immediately, and again with a growing wait until the attempt succeeds. The waits do not
 * keep the process alive.
 *
 * @param attempt - returns whether the attempt succeeded; never throws
 * @param waitMs - first wait, in ms; doubles each time, up to 2 s
 */
export function retryUntilDone(attempt: () => boolean, waitMs = 50): void {
  if (attempt()) return
  setTimeout(() => retryUntilDone(attempt, Math.min(waitMs * 2, longestWaitMs)), waitMs).unref()
}
