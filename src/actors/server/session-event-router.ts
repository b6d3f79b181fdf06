import type { OpenCodeEvent } from '../../replies.ts'
import { deferred, type Deferred } from '../../util/deferred.ts'
import { SeenIds } from './seen-ids.ts'
import { SessionWatchers, type SessionListener } from './session-watchers.ts'
import { childOf, heartbeatMs, parseStatus, sessionOf, type SessionLink } from '../../io/opencode/wire.ts'

export type { SessionListener } from './session-watchers.ts'

/** Longest silence of a stream that counts as live, in ms. */
const maxLiveSilenceMs = 1.5 * heartbeatMs

interface Route {
  listener: SessionListener
  sessionIds: string[]
}

/**
 * Router of a server's event stream to the listeners of its sessions. An event costs one look-up, so that N
 * turns cost N and not N². The listener of a parent session also receives the events of a child session, from
 * the event that names the child. A repeated event is dispatched once; all ids share one memory, which is
 * cleared when the last listener leaves.
 */
export class SessionEventRouter {
  readonly #routes = new Map<string, Route>()
  readonly #watchers = new SessionWatchers()
  readonly #seen = new SeenIds()
  /** Ids of sessions that work, also for other clients. */
  readonly #busy = new Set<string>()
  readonly #now: () => number
  #open: Deferred<undefined> = deferred()
  #isOpen = false
  #wasOpen = false
  #hasMissedEvents = false
  #lastFrame: number

  constructor(now: () => number) {
    this.#now = now
    this.#lastFrame = now()
  }

  /** Time since the last frame, heartbeats included, in ms. */
  get silentMs(): number {
    return this.#now() - this.#lastFrame
  }

  /**
   * Returns whether the server is known to be idle: its stream was not cut since the first event, is not
   * silent, and reported no working session. The stream will report work that was prompted earlier.
   */
  get isQuiet(): boolean {
    return (
      this.#wasOpen && !this.#hasMissedEvents && this.#busy.size === 0 && this.silentMs <= maxLiveSilenceMs
    )
  }

  /** Promise that resolves when the stream is open. */
  get open(): Promise<undefined> {
    return this.#open.promise
  }

  /** Records that the stream is open, and reports a gap to the listeners if the stream was open before. */
  opened(): void {
    this.#lastFrame = this.#now()
    const isReconnect = this.#wasOpen
    this.#hasMissedEvents ||= isReconnect
    this.#wasOpen = true
    this.#isOpen = true
    this.#open.resolve(undefined)
    if (!isReconnect) return
    for (const listener of this.#listeners()) listener.onReconnect()
    this.#watchers.onReconnect()
  }

  /** Records that the stream is no longer read. Waiting callers go on to wait for the next stream. */
  closed(): void {
    if (this.#isOpen) this.#open = deferred()
    this.#isOpen = false
  }

  /** Records that the stream was cut, so that the server's work is unknown. */
  lost(): void {
    this.#hasMissedEvents = true
    this.closed()
  }

  receive(event: OpenCodeEvent): void {
    this.#lastFrame = this.#now()
    const sessionId = sessionOf(event)
    this.#updateBusy(event, sessionId)
    this.#watchers.onEvent(sessionId, event)
    const child = childOf(event)
    const route = this.#routeOf(sessionId) ?? this.#routeOf(child?.parentId)
    if (!route || this.#seen.isRepeated(event.id)) return
    if (child) this.adopt(child)
    route.listener.onEvent(event)
  }

  /**
   * Registers the listener of a session.
   *
   * @returns a function that removes the listener
   */
  follow(sessionId: string, listener: SessionListener): () => void {
    const route: Route = { listener, sessionIds: [sessionId] }
    this.#routes.set(sessionId, route)
    return () => {
      for (const id of route.sessionIds) if (this.#routes.get(id) === route) this.#routes.delete(id)
      if (this.#routes.size === 0) this.#seen.clear()
    }
  }

  /**
   * Registers an observer of a session's own events, also of repeated ones; the session's listener still receives
   * them.
   *
   * @returns a function that removes the observer
   */
  watch(sessionId: string, watcher: SessionListener): () => void {
    return this.#watchers.add(sessionId, watcher)
  }

  /**
   * Registers the parent's listener for a child session whose events were missed, and returns whether the
   * child is new.
   */
  adopt(child: SessionLink): boolean {
    const route = this.#routes.get(child.parentId)
    if (!route || this.#routes.get(child.childId) === route) return false
    this.#routes.set(child.childId, route)
    route.sessionIds.push(child.childId)
    return true
  }

  #updateBusy({ type, properties }: OpenCodeEvent, sessionId: string | undefined): void {
    if (sessionId === undefined) return
    const isStatus = type === 'session.status'
    const isIdle = isStatus && parseStatus(properties['status'])?.type === 'idle'
    if (isIdle || type === 'session.idle') this.#busy.delete(sessionId)
    else if (isStatus || type === 'message.part.updated') this.#busy.add(sessionId)
  }

  #routeOf(sessionId: string | undefined): Route | undefined {
    return sessionId === undefined ? undefined : this.#routes.get(sessionId)
  }

  #listeners(): Set<SessionListener> {
    return new Set([...this.#routes.values()].map((route) => route.listener))
  }
}
