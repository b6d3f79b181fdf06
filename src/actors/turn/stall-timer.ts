import type { OpenCodeEvent, Reply } from '../../replies.ts'
import { inputRead, punctualMs, type SystemClock } from '../clock.ts'
import { closedRequestOf, sessionOf } from '../../io/opencode/wire.ts'

/**
 * Detects that a turn makes no progress. Progress only updates a timestamp, and one timer checks the
 * timestamp, so that no timer is re-armed per delta. The stall time does not run while a request is pending,
 * a retry is scheduled or a tool runs.
 */
export class StallTimer {
  readonly #clock: SystemClock
  readonly #stallMs: number
  readonly #onStall: () => void
  readonly #requests = new Set<string>()
  readonly #tools = new Set<string>()
  #retrying = false
  #progressAt = 0
  #timerAt = 0
  /** True if the stall time of the current silence was already restarted after a pause of the host. */
  #hasGrace = false
  #isStopped = false
  #timer: unknown

  constructor(clock: SystemClock, stallMs: number, onStall: () => void) {
    this.#clock = clock
    this.#stallMs = stallMs
    this.#onStall = onStall
  }

  start(): void {
    this.#isStopped = false
    this.#progressAt = this.#clock.now()
    this.#checkIn(this.#stallMs)
  }

  stop(): void {
    this.#isStopped = true
    this.#clock.clearTimeout(this.#timer)
  }

  /** Records an event of the turn's session or of a child session. */
  onEvent(event: OpenCodeEvent): void {
    this.#progressAt = this.#clock.now()
    this.#hasGrace = false
    const closed = closedRequestOf(event)
    if (closed !== undefined) this.endRequest(closed)
  }

  onReply(reply: Reply): void {
    if (reply.kind === 'tool_call') this.#tools.add(reply.call_id)
    if (reply.kind === 'tool_result') this.#tools.delete(reply.call_id)
  }

  beginRequest(id: string): void {
    this.#requests.add(id)
  }

  endRequest(id: string): void {
    this.#requests.delete(id)
    this.#progressAt = this.#clock.now()
  }

  beginRetry(): void {
    this.#retrying = true
  }

  /** Ends the retry if an event's status reports that the scheduled retry has begun; returns whether it has. */
  endRetry(event: OpenCodeEvent): boolean {
    const status = event.properties['status'] as { type?: unknown } | undefined
    if (!this.#retrying || status?.type !== 'busy' || sessionOf(event) === undefined) return false
    this.#retrying = false
    return true
  }

  /** Clears the retry after a resync, because the server's answer reports whether a retry is scheduled. */
  resynced(): void {
    if (this.#retrying) this.#progressAt = this.#clock.now()
    this.#retrying = false
  }

  #checkIn(ms: number): void {
    this.#timerAt = this.#clock.now() + ms
    this.#timer = this.#clock.setTimeout(() => this.#check(), ms)
  }

  #check(): void {
    // During a pause the host received nothing. The pending input is read first, and the stall time starts
    // anew, once.
    const wasPaused = !this.#hasGrace && this.#clock.now() - this.#timerAt > punctualMs
    this.#hasGrace ||= wasPaused
    const isPaused = wasPaused || this.#retrying || this.#requests.size > 0 || this.#tools.size > 0
    if (isPaused) this.#progressAt = this.#clock.now()
    const leftMs = this.#progressAt + this.#stallMs - this.#clock.now()
    if (leftMs <= 0) void this.#confirmStall()
    else this.#checkIn(leftMs)
  }

  /** Reports a stall, after pending input was read, because the input may contain progress. */
  async #confirmStall(): Promise<void> {
    const progressAt = this.#progressAt
    await inputRead()
    if (this.#isStopped) return
    if (this.#progressAt === progressAt) this.#onStall()
    else this.#checkIn(Math.max(0, this.#progressAt + this.#stallMs - this.#clock.now()))
  }
}
