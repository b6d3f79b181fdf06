/** Clock of the checks of access. */
export interface AccessClock {
  /** Returns the time in epoch ms. */
  now: () => number
  setTimeout: (fn: () => void, ms: number) => unknown
  clearTimeout: (id: unknown) => void
}

/** Clock of the host. Its timers do not keep the process alive. */
export const hostClock: AccessClock = {
  now: () => Date.now(),
  setTimeout: (fn, ms) => setTimeout(fn, ms).unref(),
  clearTimeout: (id) => clearTimeout(id as NodeJS.Timeout),
}
