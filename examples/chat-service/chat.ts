import { compileOptions, type OpenCodeServerOptions } from 'opencode-runtime'
import {
  defer,
  distinctUntilChanged,
  filter,
  finalize,
  from,
  map,
  merge,
  Observable,
  share,
  startWith,
} from 'rxjs'
import { createActor, toPromise, type Actor, type SnapshotFrom } from 'xstate'
import type { ChatEvent, MessageEvent, ServiceState, StatusEvent } from './events.ts'
import { chatMachine } from './machine.ts'
import type { ChatInput } from './setup.ts'

/** Result of posting a message: its id, or the reason for its rejection. */
export type Posted = { message: string } | { refused: 'busy' | 'down' | 'closed' }

/** Chat service for its host: takes calls, and emits one stream of events. */
export class ChatService implements AsyncDisposable {
  readonly actor: Actor<typeof chatMachine>
  readonly #rooms = new Map<string, Observable<MessageEvent>>()

  /** Starts the service. @throws InvalidOptionsError if the server's options are invalid. */
  constructor(opencode: OpenCodeServerOptions, options: Partial<Omit<ChatInput, 'opencode'>> = {}) {
    const defaults = { maxOpenPerRoom: 4, drainMs: 10_000, retryMs: 30_000 }
    const input = { ...defaults, ...options, opencode: compileOptions(opencode) }
    this.actor = createActor(chatMachine, { input }).start()
  }

  get status(): StatusEvent {
    return statusOf(this.actor.getSnapshot())
  }

  /**
   * Stream of the present status, then each change. Completes when the service is closed, as all streams here
   * do.
   */
  get status$(): Observable<StatusEvent> {
    const snapshots$ = defer(() => from(this.actor).pipe(startWith(this.actor.getSnapshot())))
    return snapshots$.pipe(map(statusOf), distinctUntilChanged(isSame))
  }

  /** Stream of all events in all rooms. */
  get events$(): Observable<ChatEvent> {
    return merge(this.status$, this.#messages$)
  }

  /**
   * Returns the events for one client of a room. When the last client leaves, the room's open messages are
   * cancelled.
   */
  room$(room: string): Observable<ChatEvent> {
    const known = this.#rooms.get(room)
    if (known) return merge(this.status$, known)
    const leave = (): void => {
      this.#rooms.delete(room)
      this.#send({ type: 'room.left', room })
    }
    const ofRoom = (event: MessageEvent): boolean => event.room === room
    const shared = this.#messages$.pipe(filter(ofRoom), finalize(leave), share())
    this.#rooms.set(room, shared)
    return merge(this.status$, shared)
  }

  /**
   * Accepts a message, or rejects it synchronously. An accepted message ends with exactly one `answer` or
   * `error`.
   */
  post(room: string, text: string): Posted {
    const message = crypto.randomUUID()
    if (this.#send({ type: 'message.post', room, message, text })) return { message }
    const { status } = this.status
    if (status === 'closing' || status === 'closed') return { refused: 'closed' }
    return { refused: status === 'down' ? 'down' : 'busy' }
  }

  /** Cancels a message, which ends with an `error` `cancelled`. Returns whether the message was open. */
  cancel(room: string, message: string): boolean {
    return this.#send({ type: 'message.cancel', room, message })
  }

  /** Answers a `permission` event. Returns whether the room exists. */
  answer(room: string, request: string, allow: boolean): boolean {
    return this.#send({ type: 'permission.answer', room, request, allow })
  }

  /** Restarts a failed server now, instead of after `retryMs`. */
  retry(): void {
    this.#send({ type: 'service.retry' })
  }

  /**
   * Lets running answers finish for up to `drainMs`, then ends the server. Nothing of it is left afterwards.
   */
  async close(): Promise<void> {
    this.#send({ type: 'service.close' })
    await toPromise(this.actor)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  get #messages$(): Observable<MessageEvent> {
    return new Observable((subscriber) => {
      const heard = this.actor.on('*', (event) => subscriber.next(event))
      const ended = this.actor.subscribe({ complete: () => subscriber.complete() })
      return () => {
        heard.unsubscribe()
        ended.unsubscribe()
      }
    })
  }

  /** Sends an event if the machine accepts it. Returns whether the event was sent. */
  #send(event: Parameters<typeof this.actor.send>[0]): boolean {
    const snapshot = this.actor.getSnapshot()
    if (snapshot.status !== 'active' || !snapshot.can(event)) return false
    this.actor.send(event)
    return true
  }
}

function statusOf({ value, context }: SnapshotFrom<typeof chatMachine>): StatusEvent {
  const { reason } = context.lifecycle
  return { type: 'status', status: value satisfies ServiceState, ...(reason !== undefined && { reason }) }
}

const isSame = (a: StatusEvent, b: StatusEvent): boolean => a.status === b.status && a.reason === b.reason
