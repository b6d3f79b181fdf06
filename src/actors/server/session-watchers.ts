import type { OpenCodeEvent } from '../../replies.ts'

/**
 * Listener of a session: receives the session's events, those of its child sessions, and the gaps between
 * events.
 */
export interface SessionListener {
  onEvent(event: OpenCodeEvent): void
  /**
   * Reports that the stream was cut and is open again, so that the listener must ask the server for missed
   * events.
   */
  onReconnect(): void
}

/**
 * Observers of sessions beside the sessions' listeners. An observer takes no events from the listener, such as the turn
 * of the parent session.
 */
export class SessionWatchers {
  readonly #watchers = new Map<string, Set<SessionListener>>()

  /**
   * Registers an observer of a session's own events.
   *
   * @returns a function that removes the observer
   */
  add(sessionId: string, watcher: SessionListener): () => void {
    const watchers = this.#watchers.get(sessionId) ?? new Set()
    this.#watchers.set(sessionId, watchers.add(watcher))
    return () => {
      watchers.delete(watcher)
      if (watchers.size === 0 && this.#watchers.get(sessionId) === watchers) this.#watchers.delete(sessionId)
    }
  }

  onEvent(sessionId: string | undefined, event: OpenCodeEvent): void {
    if (this.#watchers.size === 0 || sessionId === undefined) return
    for (const watcher of [...(this.#watchers.get(sessionId) ?? [])]) watcher.onEvent(event)
  }

  onReconnect(): void {
    for (const watcher of [...this.#watchers.values()].flatMap((all) => [...all])) watcher.onReconnect()
  }
}
