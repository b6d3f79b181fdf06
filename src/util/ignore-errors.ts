/**
 * Runs a function and ignores its error; for work whose failure must change nothing, such as a logger, a
 * meter or a cleanup.
 */
export function ignoreErrors<T>(act: () => T): T | undefined {
  try {
    return act()
  } catch {
    return undefined
  }
}
