import { isTerminal } from '../../replies.ts'
import {
  TurnLogError,
  type LoggedReply,
  type LoggedTurn,
  type NewTurn,
  type OpenTurn,
  type SessionRecords,
  type TurnFilter,
  type TurnLog,
  type TurnWriter,
  type UsageFilter,
  type UsageRow,
} from '../turns/turn-log.ts'
import { Committer } from './committer.ts'
import { discardTexts, emptyTrash, rowsWithTexts } from './deletion.ts'
import { faultOf } from './faults.ts'
import { LiveTurns } from './live-turns.ts'
import { listRows, readOpenTurns, rowOf, rowWithTexts, sumUsage } from './queries.ts'
import { readLive, readStored } from './read.ts'
import { keptBounds, Retention, type Bounds, type KeptTurns } from './retention.ts'
import { eraseNames, StoredSessions } from './session-records.ts'
import type { Store } from './store.ts'
import type { Batch } from './tail.ts'
import { TurnCreator } from './turn-creator.ts'
import { StoreWriter } from './writer.ts'

/** Parts of an opened log. */
interface Parts {
  store: Store
  committer: Committer
  retention: Retention
  creator: TurnCreator
}

/** Log of turns in an embedded SQL store. */
export class EmbeddedTurnLog implements TurnLog {
  readonly ready: Promise<void>
  readonly sessions: SessionRecords
  readonly #file: string
  readonly #now: () => number
  #bounds: Bounds
  readonly #lives = new LiveTurns()
  readonly #opening: Promise<Parts>
  #parts: Parts | undefined
  #closing: Promise<void> | undefined

  constructor(file: string, opening: Promise<Store>, bounds: Bounds, now: () => number) {
    this.#file = file
    this.#now = now
    this.#bounds = bounds
    this.#opening = opening.then((store) => this.#started(store))
    this.ready = this.#opening.then(() => undefined)
    this.ready.catch(() => undefined)
    this.sessions = new StoredSessions(async () => (await this.#open()).store)
  }

  bound(kept: KeptTurns): void {
    this.#bounds = { ...this.#bounds, ...keptBounds(kept) }
    void this.#parts?.retention.bound(this.#bounds)
  }

  get isFull(): boolean {
    const { retention, committer } = this.#parts ?? {}
    return retention?.isFull === true || committer?.fault !== undefined
  }

  async openTurns(): Promise<OpenTurn[]> {
    return readOpenTurns((await this.#open()).store)
  }

  async create(turn: NewTurn): Promise<{ turn: LoggedTurn; isNew: boolean }> {
    return (await this.#open()).creator.create(turn)
  }

  async forget(turnId: string): Promise<void> {
    const { store } = await this.#open()
    await store.exclusively(() => store.run('delete from turns where turn_id = ?', [turnId]))
    this.#lives.get(turnId)?.close()
    this.#lives.delete(turnId)
  }

  writer(turnId: string): TurnWriter {
    const parts = this.#required()
    const live = this.#lives.find(parts.store, turnId)
    if (!live) throw new TurnLogError('unavailable', `The log has no turn ${turnId} that runs`)
    return new StoreWriter(live, parts.committer, this.#file)
  }

  async get(turnId: string): Promise<LoggedTurn | undefined> {
    const { store } = await this.#open()
    const row = rowOf(store, turnId)
    return row && this.#lives.current(row)
  }

  async list(filter: TurnFilter): Promise<{ items: LoggedTurn[]; nextBefore: string | null }> {
    const { store } = await this.#open()
    const { rows, nextBefore } = listRows(store, filter)
    return { items: rows.map((row) => this.#lives.current(row)), nextBefore }
  }

  async *read(turnId: string, after: number, signal?: AbortSignal): AsyncGenerator<Batch, void> {
    const { store } = await this.#open()
    let last: LoggedReply | undefined
    if (this.#lives.find(store, turnId)) {
      for await (const batch of readLive(store, () => this.#lives.get(turnId), after, signal)) {
        last = batch.at(-1)
        yield batch
      }
      // A turn that is found no more has ended while the reader did not read: the store has the rest.
      if (signal?.aborted || this.#closing || this.#lives.get(turnId)) return
      if (last && isTerminal(last.reply)) return
    }
    const id = rowWithTexts(store, turnId)
    if (id !== undefined) return yield* readStored(store, id, last?.seq ?? after, signal)
    const { reply, lastSeq = 0 } = (await this.get(turnId)) ?? {}
    if (!last && reply && after < lastSeq) yield [{ seq: lastSeq, reply }]
  }

  async usage(by: 'agent' | 'tenant' | 'day' | 'model', filter: UsageFilter): Promise<UsageRow[]> {
    return sumUsage((await this.#open()).store, by, filter)
  }

  async erase(of: { agentId: string; sessionId?: string }): Promise<void> {
    const { store, committer, retention } = await this.#open()
    this.#lives.erase(of)
    while (committer.isWaiting) await committer.flushed()
    for (let rows = rowsWithTexts(store, of); rows.length > 0; rows = rowsWithTexts(store, of))
      await discardTexts(store, rows)
    await emptyTrash(store)
    await eraseNames(store, of)
    retention.mustTruncate = !(await store.checkpoint('truncate'))
  }

  async reserve(name: string, count: number): Promise<number> {
    const { store } = await this.#open()
    return store.reserve(name, count)
  }

  /** Deletes what is too old or too much now; otherwise this happens every 10 s. */
  async maintain(): Promise<void> {
    await (await this.#open()).retention.run()
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const parts = await this.#opening.catch(() => undefined)
    if (!parts) return
    await parts.retention.stop()
    try {
      await parts.committer.close()
    } finally {
      this.#lives.close()
      await parts.store.close()
    }
  }

  #started(store: Store): Parts {
    const committer = new Committer(store, this.#now)
    const retention = new Retention(store, this.#bounds, this.#now, () => committer.probe())
    committer.onEnded = (ended) => {
      for (const live of ended) this.#lives.delete(live.turn.turnId)
    }
    committer.onGrown = () => void retention.runInBackground()
    retention.start()
    void retention.runInBackground()
    const creator = new TurnCreator({
      store,
      committer,
      lives: this.#lives,
      now: this.#now,
      requireSpace: () => (this.isFull ? this.#makeSpace(committer, retention) : undefined),
    })
    return (this.#parts = { store, committer, retention, creator })
  }

  async #open(): Promise<Parts> {
    await this.#opening
    return this.#required()
  }

  #required(): Parts {
    if (this.#parts && !this.#closing) return this.#parts
    throw faultOf('unavailable', this.#file, this.#closing ? 'it is closed' : 'it is not open yet')
  }

  /** Deletes old turns if the log is full, and throws if it is full then. */
  async #makeSpace(committer: Committer, retention: Retention): Promise<void> {
    // If nothing waits, the new turn itself shows if the store can be written again.
    if (committer.fault && committer.isWaiting) throw committer.fault
    await retention.runInBackground()
    if (retention.isFull) throw faultOf('full', this.#file, 'it has its largest size, or the disk is full')
  }
}
