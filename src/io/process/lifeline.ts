import type { Watcher } from './watcher.ts'

/**
 * Limit of the life of a fleet's servers without news of the host. A host of a cluster feeds the lifeline as long as its
 * lease is good, so that the servers of a paused host end before those of its successor begin. Without a limit, servers
 * live as long as the host.
 */
export class Lifeline {
  readonly #watchers = new Set<Pick<Watcher, 'limit' | 'fed'>>()
  #limitMs = 0

  /** Adds the watcher of a server. Returns a function that removes the watcher. */
  add(watcher: Pick<Watcher, 'limit' | 'fed'>): () => void {
    this.#watchers.add(watcher)
    if (this.#limitMs > 0) watcher.limit(this.#limitMs)
    return () => this.#watchers.delete(watcher)
  }

  /** Lets all servers live for a time, in ms, from now on; 0 lets them live without a limit. */
  feed(limitMs: number): void {
    const isNew = limitMs !== this.#limitMs
    this.#limitMs = limitMs
    for (const watcher of this.#watchers)
      if (isNew) watcher.limit(limitMs)
      else watcher.fed()
  }
}
