import { randomUUID } from 'node:crypto'
import type { AgentKey, ClusterStore } from '../../cluster/store/cluster-store.ts'
import type { TurnNote } from '../../cluster/store/records.ts'
import { isTerminal } from '../../replies.ts'
import { keyMs } from '../log/retention.ts'
import type { UsageFilter } from '../turns/turn-log.ts'
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
  type UsageRow,
} from '../turns/turn-log.ts'
import { ClusterTurnWriter } from './cluster-turn-writer.ts'
import { eraseRecords } from './erase-records.ts'
import type { FollowedTurns, TurnUse } from './followed-turns.ts'
import { requireInTime } from './in-time.ts'
import { patiently } from './patiently.ts'
import { RecordPages } from './record-pages.ts'
import { isTurnId, type TurnNotes } from './turn-notes.ts'

/** Time for which a request waits for a store that is away, in ms. */
const limitMs = 5_000

/** Parts of the log of a gateway in a cluster. */
export interface ClusterLogParts {
  /** Store of this gateway: rows of the turns that it has taken. */
  readonly local: TurnLog
  readonly notes: TurnNotes
  readonly followed: FollowedTurns
  readonly records: ClusterStore['records']
}

/**
 * Log of turns that the hosts of a cluster run. The replies are those of the cluster's log, where the owner of a turn
 * writes them: their numbers are the owner's, the same at each gateway. The store of the gateway has the rows of the turns
 * that it has taken (token, usage, terminal reply), for its lists and sums, and for as long as it keeps them.
 */
export class ClusterTurnLog implements TurnLog {
  readonly ready: Promise<void>
  readonly sessions: SessionRecords
  readonly #parts: ClusterLogParts

  constructor(parts: ClusterLogParts) {
    this.#parts = parts
    this.ready = parts.local.ready
    this.sessions = parts.local.sessions
  }

  get isFull(): boolean {
    return this.#parts.local.isFull
  }

  openTurns(): Promise<OpenTurn[]> {
    return this.#parts.local.openTurns()
  }

  async create(turn: NewTurn): Promise<{ turn: LoggedTurn; isNew: boolean }> {
    const { local, notes } = this.#parts
    const { turnId } = turn
    const note = noteOf(turn)
    const known = await notes.take(turnId, note)
    if (known) return { turn: await this.#known(turnId, known, turn), isNew: false }
    try {
      return await local.create(turn)
    } catch (error) {
      await notes.forget(turnId).catch(() => undefined)
      throw error
    }
  }

  async forget(turnId: string): Promise<void> {
    const { local, notes, followed } = this.#parts
    const row = await local.get(turnId)
    if (row) followed.forget(row, turnId)
    await notes.forget(turnId).catch(() => undefined)
    await local.forget(turnId)
  }

  writer(turnId: string): TurnWriter {
    const { local, followed } = this.#parts
    return new ClusterTurnWriter(local.writer(turnId), () => followed.get(turnId)?.lastSeq ?? 1)
  }

  async get(turnId: string): Promise<LoggedTurn | undefined> {
    const local = await this.#row(turnId)
    if (local) return this.#current(local)
    const note = await this.#parts.notes.get(turnId)
    const agent = note ?? (await this.#agentOf(turnId))
    return agent && this.#foreign(agent, turnId, note)
  }

  async list(filter: TurnFilter): Promise<{ items: LoggedTurn[]; nextBefore: string | null }> {
    const { items, nextBefore } = await this.#parts.local.list(filter)
    return { items: items.map((turn) => this.#current(turn)), nextBefore }
  }

  async *read(
    turnId: string,
    after: number,
    signal?: AbortSignal,
  ): AsyncGenerator<readonly LoggedReply[], void> {
    const local = await this.#row(turnId)
    if (local?.state === 'done') return yield* this.#readEnded(local, after, signal)
    const use = await this.#use(turnId)
    if (!use) return
    try {
      yield* use.followed.read(after, signal)
    } finally {
      use.release()
    }
  }

  usage(by: 'agent' | 'tenant' | 'day' | 'model', filter: UsageFilter): Promise<UsageRow[]> {
    return this.#parts.local.usage(by, filter)
  }

  async erase(of: AgentKey & { sessionId?: string }): Promise<void> {
    const { agentId, tenant, sessionId } = of
    await eraseRecords(this.#parts.records, { agentId, tenant }, sessionId)
    await this.#parts.local.erase(of)
  }

  reserve(name: string, count: number): Promise<number> {
    return this.#parts.local.reserve(name, count)
  }

  bound(bounds: { retentionDays: number; maxStoreMb: number }): void {
    this.#parts.local.bound(bounds)
  }

  async close(): Promise<void> {
    this.#parts.followed.close()
    await this.#parts.local.close()
  }

  /** Returns a turn that is known already. @throws TurnLogError `key_reused` if the turn has another body */
  async #known(turnId: string, note: TurnNote, { bodyHash }: NewTurn): Promise<LoggedTurn> {
    if (note.bodyHash !== bodyHash)
      throw new TurnLogError('key_reused', 'The Idempotency-Key was used with another body: use another key')
    const local = await this.#parts.local.get(turnId)
    return local && !isOlder(local, note) ? this.#current(local) : this.#foreign(note, turnId, note)
  }

  /** Returns the row of a turn; `undefined` if another gateway has given the id, whose key had expired, to a newer turn. */
  async #row(turnId: string): Promise<LoggedTurn | undefined> {
    const { local, notes } = this.#parts
    const row = await local.get(turnId)
    if (!row || row.createdAt > Date.now() - keyMs) return row
    const note = await notes.get(turnId).catch(() => undefined)
    return note && isOlder(row, note) ? undefined : row
  }

  /** Returns a turn of this gateway's store with the number of its last reply. */
  #current(turn: LoggedTurn): LoggedTurn {
    const followed = turn.state === 'done' ? undefined : this.#parts.followed.get(turn.turnId, turn)
    return followed ? { ...turn, lastSeq: followed.lastSeq } : turn
  }

  /** Returns a turn that another gateway, or a program, has sent. */
  async #foreign(agent: AgentKey, turnId: string, note: TurnNote | undefined): Promise<LoggedTurn> {
    const { tenant, agentId } = agent
    const { followed } = this.#parts
    const { followed: turn, release } = followed.join({ tenant, agentId }, turnId, note?.deadlineMs ?? null)
    try {
      await requireInTime(limitMs, turn.settled)
      return turn.logged(note)
    } finally {
      release()
    }
  }

  async #use(turnId: string): Promise<TurnUse | undefined> {
    const { followed, notes } = this.#parts
    const note = await notes.get(turnId)
    const agent = note ?? (await this.#agentOf(turnId))
    if (!agent) return undefined
    const { tenant, agentId } = agent
    return followed.join({ tenant, agentId }, turnId, note?.deadlineMs ?? null)
  }

  /** Reads a turn that has ended, from the cluster's log; of an older turn, the terminal reply is left. */
  async *#readEnded(
    { turnId, tenant, agentId, reply, lastSeq, hasTexts }: LoggedTurn,
    after: number,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<readonly LoggedReply[], void> {
    if (!hasTexts && !reply) return
    const pages = new RecordPages(this.#parts.records, { tenant, agentId }, turnId)
    let next = after
    for (let page = await pages.read(next, signal); page; page = await pages.read(next, signal)) {
      if (signal?.aborted) return
      yield page
      const last = page.at(-1)
      if (!last || isTerminal(last.reply)) return
      next = last.seq
    }
    if (reply && next < lastSeq) yield [{ seq: lastSeq, reply }]
  }

  #agentOf(turnId: string): Promise<AgentKey | undefined> {
    if (!isTurnId(turnId)) return Promise.resolve(undefined)
    return patiently(() => this.#parts.records.find(turnId), { limitMs })
  }
}

/** Returns whether a row is of an earlier turn than the note of its id, by more than the moment between the two. */
const isOlder = ({ createdAt }: LoggedTurn, note: TurnNote): boolean => note.at - createdAt > keyMs / 2

const noteOf = (turn: NewTurn): TurnNote => ({
  tenant: turn.tenant,
  agentId: turn.agentId,
  at: Date.now(),
  tokenId: turn.tokenId,
  traceId: turn.traceId,
  model: turn.model,
  sessionId: turn.sessionId,
  deadlineMs: turn.deadlineMs ?? null,
  bodyHash: turn.bodyHash,
  nonce: randomUUID(),
})
