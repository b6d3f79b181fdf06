import type { OpenCodeEvent } from '../../replies.ts'
import { deferred, type Deferred } from '../../util/deferred.ts'
import { SeenIds } from './seen-ids.ts'
import { childOf, parseStatus, sessionOf, type SessionLink } from '../../io/opencode/wire.ts'

/** A stream that was silent for longer may be dead: a heartbeat comes every 10 s (opencode 1.18.33). */
const trustedMs = 15_000

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
 * An event that is told twice is dealt once; which were told is remembered for all, while anybody follows.
 */
export class EventHub {
  readonly #routes = new Map<string, Route>()
  readonly #seen = new SeenIds()
  /** Sessions that work, whoever prompted them. */
  readonly #busy = new Set<string>()
  readonly #now: () => number
  #open: Deferred<undefined> = deferred()
  #isOpen = false
  #wasOpen = false
  #hasGap = false
  #lastFrame: number

  constructor(now: () => number) {
    this.#now = now
    this.#lastFrame = now()
  }

  /** How long ago the last frame came, heartbeats included, in ms. */
  get silentMs(): number {
    return this.#now() - this.#lastFrame
  }

  /**
   * Whether it is known that the server does nothing: its stream was not cut since it was first heard, told something
   * lately, and of no session that works. Where it was prompted before that, what it says of the work will tell.
   */
  get isQuiet(): boolean {
    return this.#wasOpen && !this.#hasGap && this.#busy.size === 0 && this.silentMs <= trustedMs
  }

  /** Resolves while the stream is up. */
  get open(): Promise<undefined> {
    return this.#open.promise
  }

  /** The stream is up; again, after a gap. */
  opened(): void {
    this.#lastFrame = this.#now()
    const isGap = this.#wasOpen
    this.#hasGap ||= isGap
    this.#wasOpen = true
    this.#isOpen = true
    this.#open.resolve(undefined)
    if (isGap) for (const listener of this.#listeners()) listener.onGap()
  }

  /** Nobody reads the stream any more. Those who wait for it go on waiting for the next one. */
  closed(): void {
    if (this.#isOpen) this.#open = deferred()
    this.#isOpen = false
  }

  /** The stream was cut: what the server does is not heard. */
  lost(): void {
    this.#hasGap = true
    this.closed()
  }

  receive(event: OpenCodeEvent): void {
    this.#lastFrame = this.#now()
    const sessionId = sessionOf(event)
    this.#noteWork(event, sessionId)
    const link = childOf(event)
    const route = this.#routeOf(sessionId) ?? this.#routeOf(link?.parentId)
    if (!route || this.#seen.isRepeated(event.id)) return
    if (link) this.adopt(link)
    route.listener.onEvent(event)
  }

  /** Follows a session until the returned function is called. */
  follow(sessionId: string, listener: SessionListener): () => void {
    const route: Route = { listener, sessionIds: [sessionId] }
    this.#routes.set(sessionId, route)
    return () => {
      for (const id of route.sessionIds) if (this.#routes.get(id) === route) this.#routes.delete(id)
      if (this.#routes.size === 0) this.#seen.clear()
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

  #noteWork({ type, properties }: OpenCodeEvent, sessionId: string | undefined): void {
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
