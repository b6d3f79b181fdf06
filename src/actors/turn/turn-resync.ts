import { HttpError } from '../../io/opencode/client.ts'
import { isIdle, requestIdsOf } from '../../io/opencode/wire.ts'
import type { OpenCodeEvent, TurnOutput } from '../../replies.ts'
import type { SystemClock } from '../clock.ts'
import type { ServerConnection } from '../runtime.ts'
import type { TurnReducer, TurnSnapshot } from './reducer/reducer.ts'
import { askServer, linksIn } from './snapshot.ts'
import type { TurnRecord } from './turn-record.ts'

/**
 * Delay after an error or idle event that does not end the turn, in ms, before the session's status is
 * requested.
 */
const checkDelayMs = 500
/**
 * Number of consecutive idle answers that are needed before an idle session without any output for the turn
 * counts as idle.
 */
const idlesWithoutOutput = 10
/** Wait between two resync attempts, in ms. */
const retryMs = 500

/** Attempt that is resynced: its turn, server and reducer, and the receivers of the results. */
export interface ResyncedAttempt {
  record: TurnRecord
  clock: SystemClock
  connection: ServerConnection
  reducer: TurnReducer
  /** Signal that aborts when the attempt is closed. */
  closed: AbortSignal
  /**
   * Returns the promise that settles when the server has answered the prompt; `undefined` before the prompt is
   * sent.
   */
  prompted: () => Promise<unknown> | undefined
  /** Receives each snapshot, before the reducer's outputs. */
  onSnapshot: (snapshot: TurnSnapshot) => void
  /** Receives the reducer's outputs for a snapshot. */
  onOutputs: (outputs: readonly TurnOutput[]) => void
  /** Receives each event that waited for the end of a resync. */
  onEvent: (event: OpenCodeEvent) => void
  onResynced: () => void
  /** Receives the server's error if the session does not exist. */
  onMissingSession: (error: HttpError) => void
}

/** Resync of an attempt with its server, after missed events or an end that no event confirms. */
export class TurnResync {
  readonly #attempt: ResyncedAttempt
  #checkTimer: unknown
  /** Events that wait for the end of a resync; `undefined` if no resync runs. */
  #deferred: OpenCodeEvent[] | undefined
  /** Number of consecutive idle answers without an event in between. */
  #idles = 0
  /** True if events were missed since the last snapshot. */
  #isNeeded = false

  constructor(attempt: ResyncedAttempt) {
    this.#attempt = attempt
  }

  /** Registers an event, and returns whether the event waits for the end of a resync. */
  defer(event: OpenCodeEvent): boolean {
    this.#idles = 0
    this.#deferred?.push(event)
    return this.#deferred !== undefined
  }

  /**
   * Schedules a check of the session, because an error or idle event that does not end the turn may be the
   * last event. The check resyncs if the session is idle.
   */
  checkSoon(): void {
    const { clock } = this.#attempt
    clock.clearTimeout(this.#checkTimer)
    if (!this.#isClosed()) this.#checkTimer = clock.setTimeout(() => void this.#check(), checkDelayMs)
  }

  /** Cancels the scheduled check. */
  close(): void {
    this.#attempt.clock.clearTimeout(this.#checkTimer)
  }

  /**
   * Resyncs with the server after missed events. Events wait meanwhile, and a further gap repeats the resync.
   */
  async run(): Promise<void> {
    const { record, clock, onResynced, onEvent } = this.#attempt
    if (this.#isClosed()) return
    this.#isNeeded = true
    if (this.#deferred) return
    record.setStatus({ state: 'resyncing' })
    let isAnswered = false
    while (this.#isNeeded && !this.#isClosed()) {
      this.#isNeeded = false
      this.#deferred = []
      isAnswered = await this.#applySnapshot()
    }
    const events = this.#deferred ?? []
    this.#deferred = undefined
    if (this.#isClosed()) return
    if (isAnswered) onResynced()
    for (const event of events) onEvent(event)
    if (!isAnswered) clock.setTimeout(() => void this.run(), retryMs)
  }

  #isClosed(): boolean {
    return this.#attempt.closed.aborted
  }

  async #check(): Promise<void> {
    const { connection, record, closed } = this.#attempt
    const { conversation } = record
    const request = connection.client.status(conversation.directory, closed)
    const status = await request.catch(() => undefined)
    this.#idles = isIdle(status, conversation.sessionId) ? this.#idles + 1 : 0
    if (this.#idles > 0) await this.run()
  }

  /**
   * Applies one snapshot and resolves with whether the server answered. A snapshot is applied even if a
   * further gap has occurred since, so that a stream that keeps breaking cannot prevent the turn's end. An
   * idle session is checked again.
   *
   * @remarks Observed in opencode: some 100 ms pass between the prompt and busy, and between idle and
   * the last update of an aborted or failed message; more on a loaded machine.
   */
  async #applySnapshot(): Promise<boolean> {
    const { record, reducer, onSnapshot, onOutputs } = this.#attempt
    const { sessionId } = record.conversation
    const snapshot = await this.#snapshot()
    if (this.#isClosed()) return true
    this.#isNeeded ||= this.#adopt(snapshot)
    if (snapshot) record.requests.retain(requestIdsOf(snapshot.requests))
    const isCertain = this.#idles >= (reducer.hasReported ? 1 : idlesWithoutOutput)
    if (snapshot) onSnapshot(snapshot)
    onOutputs(reducer.resync(snapshot ?? nothingKnown(sessionId ?? ''), isCertain))
    if (snapshot && isIdle(snapshot.status, sessionId) && this.#idles < idlesWithoutOutput) this.checkSoon()
    return snapshot !== undefined
  }

  /**
   * Follows the child sessions in a snapshot. Returns whether a child session is new, because its earlier
   * events were missed.
   */
  #adopt(snapshot: TurnSnapshot | undefined): boolean {
    const links = snapshot ? linksIn(snapshot) : []
    return links.map((link) => this.#attempt.connection.router.adopt(link)).includes(true)
  }

  async #snapshot(): Promise<TurnSnapshot | undefined> {
    const { record, connection, closed, prompted, onMissingSession } = this.#attempt
    const { conversation, firstMessageId } = record
    const { sessionId, directory } = conversation
    if (sessionId === undefined) return undefined
    await prompted()?.catch(() => undefined)
    try {
      return await askServer(connection.client, { sessionId, directory, firstMessageId }, closed)
    } catch (error) {
      // A missing session ends the turn. A server that does not answer is asked again.
      if (error instanceof HttpError && error.status === 404) onMissingSession(error)
      return undefined
    }
  }
}

/**
 * Returns a snapshot for a server that does not answer: the turn continues, and open texts wait for their
 * end.
 */
const nothingKnown = (sessionId: string): TurnSnapshot => ({
  status: { [sessionId]: { type: 'busy' } },
  messages: [],
  requests: [],
})
