import { Subject, type Subscription } from 'rxjs'
import type { Turn } from '../../api/turn-handle.ts'
import type { TurnStatus } from '../../actors/turn/turn-record.ts'
import { addUsage, isTerminal, type PendingRequest, type TerminalReply, type Usage } from '../../replies.ts'
import { deferred } from '../../util/deferred.ts'
import { terminalOnWire } from '../schemas/turn.ts'
import type { TurnWriter } from './turn-log.ts'

/** News of a running turn beside its replies. */
export type TurnNews =
  | { type: 'status'; status: TurnStatus }
  | { type: 'request'; pending: PendingRequest }
  | { type: 'request_closed'; requestId: string; by: 'answer' | 'timeout' | 'turn' }

/** Turn that this gateway runs: its owner, which writes all replies into the log. No reader can slow or end the turn. */
export class LiveTurn {
  readonly id: string
  readonly news = new Subject<TurnNews>()
  /** Resolves when the terminal reply is durable, or cannot be written, or when the turn goes on without this gateway. */
  readonly ended: Promise<void>
  readonly #handle: Turn
  readonly #writer: TurnWriter
  readonly #before: Usage
  readonly #subscriptions: readonly Subscription[]
  #last: TurnStatus = { state: 'queued', at: Date.now() }
  #isRunning = false
  #holders = 0
  readonly #detached = deferred<undefined>()
  #isDetached = false

  /**
   * @param handle - the turn on the fleet
   * @param writer - writer of the turn in the log
   * @param before - usage of the turn in an earlier process
   * @param onFault - receives the error of a log that cannot be written
   */
  constructor(handle: Turn, writer: TurnWriter, before: Usage, onFault: (error: unknown) => void) {
    this.id = handle.id
    this.#handle = handle
    this.#writer = writer
    this.#before = before
    this.#subscriptions = [
      handle.status$.subscribe((status) => this.#onStatus(status)),
      handle.replies$.subscribe((reply) => {
        // The terminal reply is written when the session is known, too.
        if (!isTerminal(reply)) writer.push(reply, this.#usage, Date.now())
      }),
    ]
    void handle.sessionId.then((sessionId) => {
      if (sessionId !== undefined && !this.#isDetached) writer.update({ sessionId })
    })
    this.ended = Promise.race([this.#end(onFault), this.#detached.promise])
  }

  /** Status now, for a reader that joins. */
  get status(): TurnStatus {
    return this.#last
  }

  /** Requests that wait for an answer, for a reader that joins. */
  get openRequests(): readonly PendingRequest[] {
    return this.#handle.openRequests
  }

  /** Cancels the turn. */
  cancel(): void {
    this.#handle.cancel()
  }

  /**
   * Adds a reader without whom the turn is cancelled, when no other such reader is left.
   *
   * @returns a function that removes the reader
   */
  hold(): () => void {
    this.#holders++
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      if (--this.#holders === 0 && !this.#isDetached) this.cancel()
    }
  }

  /** Writes nothing more. The turn goes on without this gateway. */
  detach(): void {
    this.#isDetached = true
    this.#stop()
    this.#detached.resolve(undefined)
  }

  #stop(): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe()
    this.news.complete()
  }

  async #end(onFault: (error: unknown) => void): Promise<void> {
    const [reply, sessionId] = await Promise.all([this.#handle.done, this.#handle.sessionId])
    if (this.#isDetached) return
    if (sessionId !== undefined) this.#writer.update({ sessionId })
    const usage = this.#usage
    this.#writer.push(reply.kind === 'final' ? { ...reply, usage } : terminalOnWire(reply), usage)
    await this.#writer.flushed().catch(onFault)
    this.#stop()
  }

  get #usage(): Usage {
    return addUsage(this.#before, this.#handle.usage)
  }

  #onStatus(status: TurnStatus): void {
    if (status.state === 'done') return
    this.#last = status
    if (status.state === 'running' && !this.#isRunning) {
      this.#isRunning = true
      this.#writer.update({ state: 'running' })
    }
    this.news.next({ type: 'status', status })
  }
}

/** Resolves with the terminal reply of a turn that ended as soon as it began; with `undefined` for any other turn. */
export async function endedAtOnce({ done }: Turn): Promise<TerminalReply | undefined> {
  const later = new Promise<undefined>((resolve) => setImmediate(() => resolve(undefined)))
  return Promise.race([done, later])
}
