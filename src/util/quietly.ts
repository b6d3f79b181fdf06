/** Runs what may fail and changes nothing by it, such as a logger, a meter or a tidying up: what it throws is dropped. */
export function quietly<T>(act: () => T): T | undefined {
  try {
    return act()
  } catch {
    return undefined
  }
}
