import {
  agentOf,
  ClusterStoreError,
  keyOf,
  turnOfKey,
  turnKeyOf,
  type AgentKey,
  type RecordBatch,
  type RecordLog,
  type StoredBatch,
} from '../cluster-store.ts'
import { copied, listenUntil, type Link } from './link.ts'

type Listener = (turn: string, stored: StoredBatch) => void

/** Batches of all turns, which all connections share. */
export class SharedRecords {
  readonly turns = new Map<string, StoredBatch[]>()
  readonly #listeners = new Set<Listener>()
  #seq = 0

  append(turn: string, batch: RecordBatch, previous: number): number {
    const batches = this.turns.get(turn) ?? []
    const last = batches.at(-1)?.seq ?? 0
    if (last !== previous)
      throw new ClusterStoreError('stale', `The last batch of ${turn} is ${last}, not ${previous}`)
    const stored = { seq: ++this.#seq, previous, batch: copied(batch) }
    this.turns.set(turn, [...batches, stored])
    for (const listener of [...this.#listeners]) listener(turn, stored)
    return stored.seq
  }

  listen(listener: Listener, signal: AbortSignal): void {
    listenUntil(this.#listeners, listener, signal)
  }
}

/** Log of records in memory, as one connection sees it. */
export class MemoryRecords implements RecordLog {
  readonly #shared: SharedRecords
  readonly #link: Link

  constructor(shared: SharedRecords, link: Link) {
    this.#shared = shared
    this.#link = link
  }

  append(agent: AgentKey, turnId: string, batch: RecordBatch, previous: number): Promise<number> {
    return this.#link.call(() => this.#shared.append(turnKeyOf(agent, turnId), batch, previous))
  }

  async last(agent: AgentKey, turnId: string): Promise<StoredBatch | undefined> {
    return this.#link.call(() => this.#of(agent, turnId).at(-1))
  }

  async find(turnId: string, tenant?: string): Promise<AgentKey | undefined> {
    return this.#link.call(() => {
      const turn = [...this.#shared.turns.keys()].find(
        (key) => turnOfKey(key) === turnId && (tenant === undefined || agentOf(key).tenant === tenant),
      )
      return turn === undefined ? undefined : agentOf(turn)
    })
  }

  async turns(agent: AgentKey): Promise<string[]> {
    const prefix = `${keyOf(agent)}.`
    return this.#link.call(() => {
      const keys = [...this.#shared.turns.keys()].filter((key) => key.startsWith(prefix))
      return keys.map((key) => key.slice(prefix.length))
    })
  }

  async keepLast(agent: AgentKey, turnId: string): Promise<void> {
    await this.#link.call(() => {
      const last = this.#of(agent, turnId).at(-1)
      if (last) this.#shared.turns.set(turnKeyOf(agent, turnId), [last])
    })
  }

  async *read(
    agent: AgentKey,
    turnId: string,
    after: number,
    signal?: AbortSignal,
  ): AsyncGenerator<StoredBatch, void> {
    const batches = await this.#link.call(() => this.#of(agent, turnId).filter(({ seq }) => seq > after))
    for (const batch of batches) {
      if (signal?.aborted) return
      yield copied(batch)
    }
  }

  watch(agent: AgentKey, turnId: string, listener: (batch: StoredBatch) => void, signal: AbortSignal): void {
    this.#shared.listen((turn, stored) => {
      if (turn === turnKeyOf(agent, turnId)) this.#link.emit(() => listener(copied(stored)), signal)
    }, signal)
  }

  #of(agent: AgentKey, turnId: string): readonly StoredBatch[] {
    return this.#shared.turns.get(turnKeyOf(agent, turnId)) ?? []
  }
}
