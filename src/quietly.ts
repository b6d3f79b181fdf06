/** Runs what is not ours, a logger or a meter: what it throws is dropped, and takes nothing else with it. */
export function quietly<T>(act: () => T): T | undefined {
  try {
    return act()
  } catch {
    return undefined
  }
}
