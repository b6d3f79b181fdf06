import { fromCallback, type EventObject } from 'xstate'
import { onAbort } from '../../util/abort-signal.ts'
import { clockOf, inputRead, punctualMs, roundsAfterPause, type SystemClock } from '../clock.ts'
import { runtimeOf, type Runtime, type ServerInput } from '../runtime.ts'
import type { Operation } from '../session/operation.ts'
import { cancelledTurn, deadlineExceeded, type TurnCause } from './refusal.ts'
import type { TurnRecord } from './turn-record.ts'

/** State of a waiting turn. */
export type WaitingState = 'queued' | 'waitingForServer'

/** Commands of the queue actor. */
export type QueueCommand =
  /** Holds a turn until the turn is admitted or ends. */
  | { type: 'queue.add'; turnId: string; state: WaitingState }
  /** Sets the state of all waiting turns. */
  | { type: 'queue.setStatus'; state: WaitingState }
  /** Hands admitted turns over to their own actors. */
  | { type: 'queue.release'; turnIds: readonly string[] }
  /** Ends turns, which may also be refused turns, or turns whose own actor has failed. */
  | { type: 'queue.end'; turnIds: readonly string[]; cause: TurnCause }

/** Event that the queue actor sends when it has ended turns: at their deadline, or by their signal. */
interface QueueFact {
  type: 'queue.ended'
  turnIds: readonly string[]
}

/**
 * Holds the turns that wait for a server or for a place, with one timer for all deadlines. The machine
 * decides the order of the turns; the actor knows the records. A turn that is admitted leaves the queue and
 * becomes an actor of its own. When the actor is stopped, the waiting turns end with `cancelled`.
 */
export const queue = fromCallback<QueueCommand | EventObject, ServerInput>(
  ({ input, receive, sendBack, system }) => {
    const report = (turnIds: readonly string[]): void => {
      const fact: QueueFact = { type: 'queue.ended', turnIds }
      sendBack(fact)
    }
    const waiting = new WaitingTurns(input, clockOf(system), report)
    receive((event) => waiting.receive(event as QueueCommand))
    return () => waiting.close()
  },
)

interface Entry {
  record: TurnRecord | Operation
  stopListening: () => void
}

class WaitingTurns {
  readonly #input: ServerInput
  readonly #runtime: Runtime
  readonly #clock: SystemClock
  readonly #report: (turnIds: readonly string[]) => void
  readonly #entries = new Map<string, Entry>()
  #timer: unknown
  /** Time of the timer, in ms of the system's clock. */
  #timerAt = Infinity

  constructor(input: ServerInput, clock: SystemClock, report: (turnIds: readonly string[]) => void) {
    this.#input = input
    this.#runtime = runtimeOf(input.runtime)
    this.#clock = clock
    this.#report = report
  }

  receive(command: QueueCommand): void {
    if (command.type === 'queue.add') this.#add(command.turnId, command.state)
    else if (command.type === 'queue.setStatus') this.#setStatus(command.state)
    else if (command.type === 'queue.release') for (const id of command.turnIds) this.#remove(id)
    else this.#end(command.turnIds, command.cause)
  }

  close(): void {
    this.#end([...this.#entries.keys()], { code: 'cancelled', error: 'The server was shut down' })
    this.#clock.clearTimeout(this.#timer)
  }

  #add(turnId: string, state: WaitingState): void {
    const record = this.#runtime.entry(turnId)
    if (!record || record.isDone) return this.#report([turnId])
    const { signal } = record.plan
    const cancel = (): void => this.#endAndReport([turnId], cancelledTurn)
    record.setStatus({ state })
    this.#entries.set(turnId, { record, stopListening: onAbort(signal, cancel) })
    if (signal?.aborted === true) return cancel()
    if (record.deadlineAt < this.#timerAt) this.#setTimer(record.deadlineAt)
  }

  #setStatus(state: WaitingState): void {
    for (const { record } of this.#entries.values()) record.setStatus({ state })
  }

  #remove(turnId: string): void {
    this.#entries.get(turnId)?.stopListening()
    this.#entries.delete(turnId)
    if (this.#entries.size === 0) this.#setTimer(Infinity)
  }

  #end(turnIds: readonly string[], cause: TurnCause): void {
    for (const turnId of turnIds) {
      this.#remove(turnId)
      this.#runtime.end(turnId, cause, (text) => this.#input.options.secrets.mask(text))
    }
  }

  #endAndReport(turnIds: readonly string[], cause: TurnCause): void {
    this.#end(turnIds, cause)
    this.#report(turnIds)
  }

  #setTimer(at: number): void {
    this.#clock.clearTimeout(this.#timer)
    this.#timerAt = at
    if (at === Infinity) return
    this.#timer = this.#clock.setTimeout(() => void this.#expire(), Math.max(0, at - this.#clock.now()))
  }

  async #expire(): Promise<void> {
    // The pending input may make the server healthy, which admits the turns, so the input is read first.
    const lateMs = this.#clock.now() - this.#timerAt
    await inputRead(lateMs > punctualMs ? roundsAfterPause : 1)
    const now = this.#clock.now()
    const records = [...this.#entries.values()].map(({ record }) => record)
    const expired = records.filter(({ deadlineAt }) => deadlineAt <= now)
    for (const { id, plan } of expired) this.#end([id], deadlineExceeded(plan.deadlineMs))
    if (expired.length > 0) this.#report(expired.map(({ id }) => id))
    let next = Infinity
    for (const { record } of this.#entries.values()) next = Math.min(next, record.deadlineAt)
    this.#setTimer(next)
  }
}
