import { onAbort } from '../../util/abort-signal.ts'
import type { CompiledOptions } from '../../config/options.ts'
import { isTerminal } from '../../replies.ts'
import type { OpenCodeEvent, Reply, TurnOutput } from '../../replies.ts'
import { inputRead, punctualMs, roundsAfterPause, type SystemClock } from '../clock.ts'
import { exhaustedCode, terminalCodeOf } from './failure/classify.ts'
import { isUnreachable, withEndpoint } from './failure/endpoint.ts'
import { shownMessage } from './failure/shown.ts'
import { safeLine } from './reducer/failure.ts'
import { cancelledTurn, deadlineExceeded, errorReply, type TurnCause } from './refusal.ts'
import type { Runtime } from '../runtime.ts'
import { StallTimer } from './stall-timer.ts'
import { TurnAttempt } from './turn-attempt.ts'
import type { TurnRecord } from './turn-record.ts'
import { firstLine } from '../../util/messages.ts'

/**
 * Number of consecutive context overflows that a turn accepts; after these, a further compaction would not
 * shorten the context enough either.
 */
const maxOverflows = 2
/** Number of compactions without a tool call in between that a turn accepts. */
const maxCompactions = 2

/** Callbacks of a turn's run. */
export interface TurnRunEvents {
  onReply(reply: Reply): void
  /** Reports that the terminal reply was emitted and that nothing of the turn runs on the server any more. */
  onEnd(): void
  /** Reports that the server died, and that the turn can be sent again. */
  onSuspend(): void
}

/**
 * Run of an admitted turn on one server. The run starts an attempt, watches deadline, stall and retries, and
 * emits exactly one terminal reply, or suspends the turn because the server died. After a local end, the run
 * also aborts the work on the server, so that the session is idle for its next turn.
 */
export class TurnRun {
  readonly #record: TurnRecord
  readonly #runtime: Runtime
  readonly #options: CompiledOptions
  readonly #clock: SystemClock
  readonly #events: TurnRunEvents
  readonly #stall: StallTimer
  #attempt: TurnAttempt | undefined
  #deadline: unknown
  #stopListening: () => void = () => undefined
  #isSuspended = false

  constructor(
    record: TurnRecord,
    { options, runtime }: { options: CompiledOptions; runtime: Runtime },
    clock: SystemClock,
    events: TurnRunEvents,
  ) {
    this.#record = record
    this.#runtime = runtime
    this.#options = options
    this.#clock = clock
    this.#events = events
    const { stallMs } = record.plan
    this.#stall = new StallTimer(clock, stallMs, () =>
      this.end({ code: 'stalled', error: `The turn made no progress for ${stallMs} ms` }),
    )
  }

  /** Starts an attempt on the healthy server, and the rest of the turn's deadline. */
  start(): void {
    const { signal } = this.#record.plan
    const leftMs = Math.max(0, this.#record.deadlineAt - this.#clock.now())
    this.#deadline = this.#clock.setTimeout(() => void this.#onDeadline(), leftMs)
    const cancel = (): void => this.end(cancelledTurn)
    if (signal?.aborted === true) return cancel()
    this.#stopListening = onAbort(signal, cancel)
    this.#startAttempt()
  }

  /** Suspends a turn that can be sent again, and ends any other turn, because the server is gone. */
  serverGone(cause: TurnCause, mayResume: boolean): void {
    if (!mayResume || !this.#record.canResume) return this.end(cause, true)
    this.#release()
    this.#attempt?.serverGone()
    const message = this.#options.secrets.mask(firstLine(cause.error))
    const record = this.#record
    if (record.wasPrompted) {
      record.renew()
      record.setStatus({ state: 'retrying', attempt: record.resumes, message, nextAt: Date.now() })
    }
    this.#isSuspended = true
    this.#events.onSuspend()
  }

  /** Ends the turn for a local reason, and aborts its work on the server unless `isServerGone` is set. */
  end(cause: TurnCause, isServerGone = false): void {
    if (isServerGone) this.#attempt?.serverGone()
    if (this.#record.isDone) return
    if (this.#attempt) return this.#apply(this.#attempt.settle(cause), true)
    const mask = (text: string): string => this.#options.secrets.mask(text)
    this.#emit(errorReply(this.#record.plan.traceId, cause, mask), true)
  }

  /**
   * Emits the terminal reply immediately and does nothing else, because the actor was stopped from outside.
   */
  stop(): void {
    if (!this.#isSuspended) this.end({ code: 'cancelled', error: 'The server was shut down' }, true)
    this.#release()
  }

  #startAttempt(): void {
    const { connection } = this.#runtime
    const record = this.#record
    if (!connection) return this.end({ code: 'server_unavailable', error: 'No server runs' })
    this.#attempt = new TurnAttempt(
      {
        record,
        options: this.#options,
        runtime: this.#runtime,
        clock: this.#clock,
        onOutputs: (outputs) => this.#apply(outputs),
        onProgress: (event) => this.#onProgress(event),
        onRequest: (id, isOpen) => (isOpen ? this.#stall.beginRequest(id) : this.#stall.endRequest(id)),
        onResynced: () => {
          this.#stall.resynced()
          record.setStatus({ state: 'running' })
        },
        onFollowUp: (message) => {
          const { followUps: attempt } = record
          record.setStatus({ state: 'retrying', attempt, message, nextAt: Date.now() })
        },
        onCause: (cause) => this.end(cause),
      },
      connection,
    )
    record.setStatus({ state: 'running' })
    this.#stall.start()
    this.#attempt.start(record.revertTo)
  }

  async #onDeadline(): Promise<void> {
    const { plan, deadlineAt } = this.#record
    // The pending input may contain the turn's end, so the input is read first.
    const lateMs = this.#clock.now() - deadlineAt
    await inputRead(lateMs > punctualMs ? roundsAfterPause : 1)
    if (!this.#isSuspended) this.end(deadlineExceeded(plan.deadlineMs))
  }

  #onProgress(event: OpenCodeEvent): void {
    this.#stall.onEvent(event)
    if (event.type === 'session.status' && this.#stall.endRetry(event))
      this.#record.setStatus({ state: 'running' })
    if (event.type === 'message.updated') this.#checkLoop()
  }

  #apply(outputs: readonly TurnOutput[], isLocal = false): void {
    this.#record.count(this.#attempt?.usage)
    for (const output of outputs) {
      if (output.type === 'request') void this.#attempt?.requests.answer(output.request)
      else if (output.type === 'retry') this.#onRetry(output)
      else this.#emit(output.reply, isLocal)
      if (this.#record.isDone) return
    }
  }

  #emit(reply: Reply, isLocal: boolean): void {
    this.#stall.onReply(reply)
    if (!isTerminal(reply)) this.#runtime.answeringEndpoint = this.#attempt?.endpoint
    const shown = this.#shown(reply)
    this.#events.onReply(shown)
    this.#record.emit(shown)
    // After an internal error, the server's state is unknown, so the work is aborted too.
    const code = shown.kind === 'error' ? shown.code : undefined
    const mayRun = isLocal || code === 'internal' || this.#attempt?.isSettled === false
    if (isTerminal(shown)) void this.#finish(mayRun, code === 'cancelled')
  }

  /** Returns a reply as subscribers receive it: errors without secrets, and the usage of all attempts. */
  #shown(reply: Reply): Reply {
    if (reply.kind === 'error') return { ...reply, error: this.#options.secrets.mask(reply.error) }
    return reply.kind === 'final' ? { ...reply, usage: this.#record.usage } : reply
  }

  #onRetry({ attempt, message, nextAt }: TurnOutput & { type: 'retry' }): void {
    const { maxRetries } = this.#record.plan
    const leftMs = this.#record.deadlineAt - this.#clock.now()
    const mask = (text: string): string => this.#options.secrets.mask(text)
    const shown = safeLine(mask(shownMessage(mask(message)))) || 'the provider gave no reason'
    const terminal = terminalCodeOf(message)
    if (
      terminal ||
      attempt > maxRetries ||
      nextAt - Date.now() > leftMs ||
      this.#isMissing(message, attempt)
    ) {
      const error = withEndpoint(shown, this.#attempt?.endpoint)
      return this.end({ code: terminal ?? exhaustedCode(message), error })
    }
    this.#stall.beginRetry()
    this.#record.setStatus({ state: 'retrying', attempt, message: shown, nextAt })
  }

  /**
   * Returns whether the proxy is probably not there: two requests found nothing, and no turn has had an answer
   * since the proxy was configured. A proxy that has answered before may be restarting.
   */
  #isMissing(message: string, attempt: number): boolean {
    const endpoint = this.#attempt?.endpoint
    const isKnown = endpoint !== undefined && this.#runtime.answeringEndpoint === endpoint
    return endpoint !== undefined && !isKnown && attempt >= 2 && isUnreachable(message, endpoint)
  }

  #checkLoop(): void {
    const { unfinished = 0, overflows = 0, compactions = 0 } = this.#attempt ?? {}
    if (unfinished > this.#record.plan.maxRetries)
      this.end({
        code: 'provider_unavailable',
        error: 'The provider keeps ending its answers without a finish reason',
      })
    if (overflows > maxOverflows)
      this.end({ code: 'context_overflow', error: 'The context overflows again after each compaction' })
    if (compactions > maxCompactions)
      this.end({
        code: 'context_overflow',
        error:
          'The context is full again after each compaction; contextTokens minus outputTokens of the model is too small',
      })
  }

  /**
   * Releases the run.
   *
   * @param mayRun - true if work may still run on the server, which is then aborted
   * @param isAborted - true if the server may have aborted the work
   */
  async #finish(mayRun: boolean, isAborted: boolean): Promise<void> {
    this.#release()
    if (mayRun) await this.#attempt?.abortWork()
    else if (isAborted) await this.#attempt?.heal(Promise.resolve())
    await this.#attempt?.requests.withdraw()
    this.#events.onEnd()
  }

  #release(): void {
    this.#attempt?.close()
    this.#stall.stop()
    this.#clock.clearTimeout(this.#deadline)
    this.#stopListening()
  }
}
