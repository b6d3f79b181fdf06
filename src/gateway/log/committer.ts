import { deferred, type Deferred } from '../../util/deferred.ts'
import { TurnLogError } from '../turns/turn-log.ts'
import { giveUp, storePending, storeTurn, type Creation, type Stored } from './commit.ts'
import { CommitTimer } from './commit-timer.ts'
import { asTurnLogError, mayPass } from './faults.ts'
import type { LiveTurn } from './live-turn.ts'
import type { Store } from './store.ts'

/** Most text of one commit, in characters, counted in whole turns. */
const mostPerCommit = 1_048_576
/** Bytes in the write-ahead log after which it is moved into the file, estimated. */
const checkpointBytes = 8_388_608
/** Bytes that each written row costs besides its text, because whole pages are written, estimated. */
const bytesPerRow = 8_192

const probeRow = `insert into counters (name, next) values ('probe', 1) on conflict do update set next = next + 1`

type Outcome = TurnLogError | undefined

/** Turn that waits for its first commit. */
interface NewLive {
  live: LiveTurn
  creation: Creation
  outcome: Deferred<Outcome>
}

/** Stores what turns have pushed, of all turns in one transaction, a few milliseconds after the push. */
export class Committer {
  readonly #store: Store
  readonly #now: () => number
  readonly #timer = new CommitTimer(() => this.#commitIfFree())
  readonly #dirty = new Set<LiveTurn>()
  #created: NewLive[] = []
  #waiting: Deferred<Outcome>[] = []
  #bytes = 0
  /** Error of the last commit, if it failed. */
  fault: TurnLogError | undefined
  /** Called after a commit has ended turns. */
  onEnded: (ended: readonly LiveTurn[]) => void = () => undefined
  /** Called when the write-ahead log has grown. */
  onGrown: () => void = () => undefined

  constructor(store: Store, now: () => number) {
    this.#store = store
    this.#now = now
    store.onFree = () => this.#schedule()
  }

  /** Stores a turn soon. */
  add(live: LiveTurn): void {
    this.#dirty.add(live)
    this.#schedule(live.terminal !== undefined)
  }

  /** Stores a new turn. Resolves with the error if the turn cannot be stored: then nothing of it is. */
  create(live: LiveTurn, creation: Creation): Promise<Outcome> {
    const outcome = deferred<Outcome>()
    this.#created.push({ live, creation, outcome })
    this.#schedule(true)
    return outcome.promise
  }

  /** True if something waits for a commit. */
  get isWaiting(): boolean {
    return this.#dirty.size > 0 || this.#created.length > 0
  }

  /** Tries again after a failed commit. Writes a row also if nothing waits, to learn if the store can be written. */
  probe(): void {
    if (this.fault && !this.#store.isHeld) this.#commit()
  }

  /** Resolves after the next commit; rejects if the commit fails. A commit that failed is tried again at once. */
  async flushed(): Promise<void> {
    if (!this.isWaiting) return
    const outcome = deferred<Outcome>()
    this.#waiting.push(outcome)
    if (this.fault) this.#timer.now()
    const fault = await outcome.promise
    if (fault) throw fault
  }

  /** Stores all that waits. Rejects if something cannot be stored. */
  async close(): Promise<void> {
    this.#timer.stop()
    await this.#store.exclusively(() => {
      do this.#commit()
      while (this.isWaiting && !this.fault)
    })
    if (this.fault && this.isWaiting) throw this.fault
  }

  /** @param isUrgent - true for a new turn and for an end, which a caller waits for */
  #schedule(isUrgent = this.#created.length > 0): void {
    if (this.isWaiting && !this.#store.isHeld) this.#timer.schedule(isUrgent)
  }

  /** Commits, or leaves the commit to the end of the background work that holds the store. */
  #commitIfFree(): void {
    if (!this.#store.isHeld) this.#commit()
  }

  #commit(): void {
    const start = performance.now()
    try {
      this.#commitAll()
      this.fault = undefined
      this.#timer.ended(performance.now() - start)
    } catch (error) {
      this.#fail(error)
    }
    for (const waiting of this.#waiting.splice(0)) waiting.resolve(this.fault)
    if (this.#bytes > checkpointBytes) {
      this.#bytes = 0
      this.onGrown()
    }
    this.#schedule()
  }

  #commitAll(): void {
    try {
      this.#store.transaction(() => this.#storeAll(this.#nextTurns(), this.#created)).forEach((act) => act())
    } catch (error) {
      if (mayPass(error) || asTurnLogError(error, this.#store.file).fault !== 'unavailable') throw error
      this.#commitEach()
    }
  }

  /** Returns turns to store. The others follow in the next commit, so that no commit blocks the thread for long. */
  #nextTurns(): LiveTurn[] {
    const turns: LiveTurn[] = []
    let size = 0
    for (const live of this.#dirty) {
      if (size > mostPerCommit) break
      size += live.pending.size
      turns.push(live)
    }
    return turns
  }

  /** Stores each turn in a transaction of its own, so that a turn that cannot be stored stops no other one. */
  #commitEach(): void {
    for (const created of [...this.#created]) this.#commitOne(created.live, [], [created])
    for (const live of [...this.#dirty]) this.#commitOne(live, [live], [])
  }

  #commitOne(live: LiveTurn, dirty: LiveTurn[], created: NewLive[]): void {
    try {
      this.#store.transaction(() => this.#storeAll(dirty, created)).forEach((act) => act())
    } catch (error) {
      if (mayPass(error)) throw error
      const fault = asTurnLogError(error, this.#store.file)
      this.#drop(created, fault)
      giveUp(live, fault)
      this.#dirty.delete(live)
    }
  }

  /** Writes turns, and returns what is to be done once the transaction is durable. */
  #storeAll(dirty: readonly LiveTurn[], created: readonly NewLive[]): (() => void)[] {
    const rows = new Map<LiveTurn, number>()
    if (this.fault) this.#store.run(probeRow)
    for (const { live, creation } of created) rows.set(live, storeTurn(this.#store, live.turn, creation))
    const stored: Stored[] = []
    for (const live of dirty) {
      const row = live.row ?? rows.get(live)
      if (row !== undefined) stored.push(storePending(this.#store, live, row, this.#now()))
    }
    return [() => this.#added(created, rows), () => this.#publish(stored)]
  }

  #added(created: readonly NewLive[], rows: ReadonlyMap<LiveTurn, number>): void {
    this.#created = this.#created.filter((one) => !created.includes(one))
    this.#bytes += created.length * bytesPerRow
    for (const { live, outcome } of created) {
      live.row = rows.get(live)
      outcome.resolve(undefined)
    }
  }

  #publish(stored: readonly Stored[]): void {
    for (const { live, turn, batches } of stored) {
      this.#dirty.delete(live)
      this.#bytes += bytesPerRow
      for (const { size } of batches) this.#bytes += size
      live.publish(turn, batches)
    }
    const ended = stored.map(({ live }) => live).filter((live) => live.turn.state === 'done')
    if (ended.length > 0) this.onEnded(ended)
  }

  #fail(error: unknown): void {
    this.fault = asTurnLogError(error, this.#store.file)
    this.#drop([...this.#created], this.fault)
    this.#timer.ended('failed')
  }

  /** Tells the callers of new turns that their turns are not stored. */
  #drop(created: readonly NewLive[], fault: TurnLogError): void {
    this.#created = this.#created.filter((one) => !created.includes(one))
    for (const { live, outcome } of created) {
      this.#dirty.delete(live)
      outcome.resolve(fault)
    }
  }
}
