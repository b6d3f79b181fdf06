import type { SystemClock } from '../../../src/actors/clock.ts'
import type { Turn } from '../../../src/api/turn-handle.ts'
import type { TurnInput } from '../../../src/api/turn-input.ts'
import { callerOf } from '../../../src/cluster/client/caller.ts'
import type { Cluster } from '../../../src/cluster/client/cluster.ts'
import type { AgentKey, Register, StoredBatch } from '../../../src/cluster/store/cluster-store.ts'
import type { MemoryCluster, MemoryStore } from '../../../src/cluster/store/memory/memory-store.ts'
import { disturb } from '../cluster-caller.ts'
import { HostClock } from '../scripted-host.ts'
import type { SteppedClock } from '../stepped-clock.ts'
import { WalkedHandle, type HandleOrigin } from './walked-handle.ts'

/** Time beyond a turn's limit in which a host may end the turn, in ms. */
export const graceMs = 6_000
/** Delay of what the store emits late, in ms. */
const lateMs = 300

/** Time in which a caller reads what it has missed while its connection was cut, in ms. */
const catchUpMs = 1_000
/** Time in which a caller notices that batches were lost though its connection was up, in ms. */
const noticeMs = 11_000

/** Fate of the batches that the store emits to a caller. A batch that is lost can be read. */
export type LiveFate = 'arrive' | 'are lost' | 'come twice' | 'come late'

/** Caller of a cluster with the faults of its connection, and the handles of its turns. */
export class WalkedCaller {
  readonly name: string
  readonly handles: WalkedHandle[] = []
  readonly store: MemoryStore
  /** Clock of the caller's process. */
  readonly clock: HostClock
  #live: LiveFate = 'arrive'
  /** Time of the last change of what the store does to answers, and to batches. */
  #answersChangedAt = 0
  #hasLostAnswers = false
  #liveChangedAt = 0
  isClosed = false
  isPaused = false
  /** Times during which the connection was cut; the last one may go on. */
  readonly cuts: { from: number; to: number }[] = []
  /** Number of watches that have begun and not ended. */
  watches = 0
  readonly #worldClock: SteppedClock
  readonly #connecting: Promise<Cluster>
  #cluster: Cluster | undefined

  constructor(name: string, memory: MemoryCluster, clock: SteppedClock) {
    this.name = name
    this.store = memory.connect()
    this.clock = new HostClock(clock)
    this.#worldClock = clock
    disturb(this.store, (batch, emit) => this.#emit(batch, emit))
    this.#countWatches()
    this.store.link.onState((state) => {
      const last = this.cuts.at(-1)
      if (state === 'down') this.cuts.push({ from: clock.now(), to: Infinity })
      else if (last) last.to = clock.now()
    }, new AbortController().signal)
    this.#connecting = callerOf(this.store, { clock: this.clock as SystemClock, graceMs })
  }

  set live(fate: LiveFate) {
    this.#live = fate
    this.#liveChangedAt = this.clock.now()
  }

  /** True if the connection had a fault. */
  get hadFaults(): boolean {
    return this.cuts.length > 0 || this.#hasLostAnswers
  }

  set losesAnswers(isLost: boolean) {
    this.#hasLostAnswers ||= isLost
    this.store.link.losesAnswers = isLost
    this.#answersChangedAt = this.clock.now()
  }

  /** Returns the time from which the caller must know all that is stored at a time; `Infinity` while it has faults. */
  knowsFrom(storedAt: number): number {
    const lastCut = this.cuts.at(-1)?.to ?? 0
    if (this.isClosed || this.store.link.losesAnswers || this.#live !== 'arrive') return Infinity
    return Math.max(
      Math.max(storedAt, lastCut, this.#answersChangedAt) + catchUpMs,
      this.#liveChangedAt === 0 ? 0 : this.#liveChangedAt + noticeMs,
    )
  }

  /** Resolves when the caller has its connection. */
  async connected(): Promise<void> {
    this.#cluster = await this.#connecting
  }

  send(agent: AgentKey, input: TurnInput): WalkedHandle {
    const origin = { agent, deadlineMs: input.deadlineMs ?? null, at: this.clock.now() }
    return this.#keep(this.#its.turn(agent.agentId, input), origin)
  }

  attach(turnId: string): WalkedHandle {
    return this.#keep(this.#its.attach(turnId), { deadlineMs: null, at: this.clock.now() })
  }

  cut(): void {
    if (!this.isClosed) this.store.link.cut()
  }

  mend(): void {
    if (!this.isClosed && !this.isPaused) this.store.link.mend()
  }

  /** Stops the process of the caller. */
  pause(): void {
    this.cut()
    this.isPaused = true
    this.clock.isPaused = true
  }

  resume(): void {
    this.isPaused = false
    this.clock.resume()
    this.mend()
  }

  /** Mends all faults of the connection. */
  mendAll(): void {
    if (this.#live !== 'arrive') this.live = 'arrive'
    if (this.store.link.losesAnswers) this.losesAnswers = false
    this.resume()
  }

  async close(): Promise<void> {
    if (this.isPaused) this.resume()
    this.isClosed = true
    await this.#its.close()
  }

  get #its(): Cluster {
    if (!this.#cluster) throw new Error(`The caller ${this.name} is not connected`)
    return this.#cluster
  }

  #keep(turn: Turn, origin: HandleOrigin): WalkedHandle {
    const handle = new WalkedHandle(turn, origin, this.clock.now)
    this.handles.push(handle)
    return handle
  }

  #emit(batch: StoredBatch, emit: (batch: StoredBatch) => void): void {
    if (this.#live === 'are lost') return
    if (this.#live === 'come late') this.#worldClock.setTimeout(() => emit(batch), lateMs)
    else emit(batch)
    if (this.#live === 'come twice') emit(batch)
  }

  #countWatches(): void {
    const { records, agents, hosts, places } = this.store
    const note = (signal: AbortSignal): void => {
      if (signal.aborted) return
      this.watches++
      signal.addEventListener('abort', () => this.watches--, { once: true })
    }
    const watch = records.watch.bind(records)
    records.watch = (agent, turnId, listener, signal) => {
      note(signal)
      watch(agent, turnId, listener, signal)
    }
    const count = <T>(register: Register<T>): void => {
      const watchValues = register.watch.bind(register)
      register.watch = (listener, signal) => {
        note(signal)
        return watchValues(listener, signal)
      }
    }
    count(agents)
    count(hosts)
    count(places)
  }
}
