/** The longest wait between two attempts, in ms. */
const longestWaitMs = 2_000

/**
 * Calls `attempt` now, and again with a growing wait until it succeeds. The waits do not keep the process alive.
 * @param attempt - returns whether it succeeded; never throws
 * @param waitMs - the first wait; it doubles each time, up to 2 s
 */
export function untilDone(attempt: () => boolean, waitMs = 50): void {
  if (attempt()) return
  setTimeout(() => untilDone(attempt, Math.min(waitMs * 2, longestWaitMs)), waitMs).unref()
}
