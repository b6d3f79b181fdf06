import type { OpenCodeEvent } from '../replies.ts'
import { deferred, type Deferred } from './deferred.ts'
import { childOf, sessionOf, type SessionLink } from './wire.ts'

/** Who follows a session: its events, those of its child sessions, and the gaps between them. */
export interface SessionListener {
  onEvent(event: OpenCodeEvent): void
  /** The stream was cut and is up again: what happened meanwhile must be asked for. */
  onGap(): void
}

interface Route {
  listener: SessionListener
  sessionIds: string[]
}

/**
 * Deals the one event stream of a server out to those who follow its sessions: an event costs one look-up, so that
 * N turns cost N and not N². A child session is followed by whoever follows its parent, from the event that names it.
 */
export class EventHub {
  readonly #routes = new Map<string, Route>()
  readonly #now: () => number
  #open: Deferred<undefined> = deferred()
  #isOpen = false
  #wasOpen = false
  #lastFrame: number

  constructor(now: () => number) {
    this.#now = now
    this.#lastFrame = now()
  }

  /** How long ago the last frame came, heartbeats included, in ms. */
  get silentMs(): number {
    return this.#now() - this.#lastFrame
  }

  /** Resolves while the stream is up. */
  get open(): Promise<undefined> {
    return this.#open.promise
  }

  /** The stream is up; again, after a gap. */
  opened(): void {
    this.#lastFrame = this.#now()
    const isGap = this.#wasOpen
    this.#wasOpen = true
    this.#isOpen = true
    this.#open.resolve(undefined)
    if (isGap) for (const listener of this.#listeners()) listener.onGap()
  }

  /** The stream is down. Those who wait for it go on waiting for the next one. */
  closed(): void {
    if (this.#isOpen) this.#open = deferred()
    this.#isOpen = false
  }

  receive(event: OpenCodeEvent): void {
    this.#lastFrame = this.#now()
    const link = childOf(event)
    const route = this.#routeOf(sessionOf(event)) ?? this.#routeOf(link?.parentId)
    if (!route) return
    if (link) this.adopt(link)
    route.listener.onEvent(event)
  }

  /** Follows a session until the returned function is called. */
  follow(sessionId: string, listener: SessionListener): () => void {
    const route: Route = { listener, sessionIds: [sessionId] }
    this.#routes.set(sessionId, route)
    return () => {
      for (const id of route.sessionIds) if (this.#routes.get(id) === route) this.#routes.delete(id)
    }
  }

  /** Follows a child session that a gap hid; answers whether it was not followed before. */
  adopt(link: SessionLink): boolean {
    const route = this.#routes.get(link.parentId)
    if (!route || this.#routes.get(link.childId) === route) return false
    this.#routes.set(link.childId, route)
    route.sessionIds.push(link.childId)
    return true
  }

  #routeOf(sessionId: string | undefined): Route | undefined {
    return sessionId === undefined ? undefined : this.#routes.get(sessionId)
  }

  #listeners(): Set<SessionListener> {
    return new Set([...this.#routes.values()].map((route) => route.listener))
  }
}
