import { setTimeout as sleep } from 'node:timers/promises'
import { onAbort } from '../../util/abort-signal.ts'
import type { Caller } from '../access/caller.ts'
import type { GatewayContext } from '../context.ts'
import type { JoinedTurn } from '../turns/joined-turns.ts'
import type { LoggedReply } from '../turns/turn-log.ts'

/** Neighbouring replies of a turn. */
export type Batch = readonly LoggedReply[]

/** Request whose answer is a turn. */
export interface ReadRequest {
  context: GatewayContext
  caller: Caller
  raw: Request
  /** The turn, if it runs; left at the end of the reading. */
  joined: JoinedTurn
  turnId: string
}

/** Reading of a turn's replies for a request. A turn whose last reader goes before the end is cancelled. */
export class TurnReading {
  /** Signals that end the answer at once: nobody reads it, or nobody writes it any more. */
  readonly until: readonly AbortSignal[]
  readonly #right: AbortSignal
  readonly #batches: AsyncIterator<Batch>
  readonly #gone = new AbortController()
  readonly #listening: (() => void)[]
  readonly #release: () => void
  #coming: Promise<IteratorResult<Batch, unknown>> | undefined

  constructor({ context, caller, raw, joined, turnId }: ReadRequest) {
    const right = context.authority.follow(caller)
    this.#right = right.signal
    this.until = [raw.signal, context.closed]
    const release = joined.live?.hold()
    this.#release = () => {
      right.stop()
      release?.()
      joined.leave()
    }
    this.#batches = context.log.read(turnId, 0, this.#gone.signal)[Symbol.asyncIterator]()
    const signals = [...this.until, this.#right]
    this.#listening = signals.map((signal) => onAbort(signal, () => this.end()))
    if (signals.some(({ aborted }) => aborted)) this.end()
  }

  /** Signal that aborts when the reading has ended. */
  get signal(): AbortSignal {
    return this.#gone.signal
  }

  /** True if the caller has lost the right to read before the end of the turn. */
  get hasLostRight(): boolean {
    return this.#right.aborted
  }

  /** Resolves with the next replies; with `undefined` at the end. */
  async next(): Promise<Batch | undefined> {
    const next = await (this.#coming ?? this.#batches.next())
    this.#coming = undefined
    return next.done === true ? undefined : next.value
  }

  /** Resolves with the first replies, which `next` returns again; with `undefined` at the end, or after a time in ms. */
  async begun(limitMs: number): Promise<Batch | undefined> {
    const coming = (this.#coming ??= this.#batches.next())
    const over = new AbortController()
    const late = sleep(limitMs, undefined, { signal: over.signal, ref: false }).catch(() => undefined)
    const first = await Promise.race([coming, late]).finally(() => over.abort())
    return first?.done === false ? first.value : undefined
  }

  /** Ends the reading. Does nothing if the reading has ended. */
  end(): void {
    if (this.signal.aborted) return
    for (const stop of this.#listening) stop()
    this.#gone.abort()
    void this.#batches.return?.()
    this.#release()
  }
}
