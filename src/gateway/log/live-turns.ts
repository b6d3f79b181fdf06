import type { LoggedTurn } from '../turns/turn-log.ts'
import type { Row } from './libsql.ts'
import { LiveTurn } from './live-turn.ts'
import { lastSeqOf, rowOf } from './queries.ts'
import { textOrNull, turnOf } from './rows.ts'
import type { Store } from './store.ts'

/** Turns that have not ended, or whose end is not stored yet, by their ids. */
export class LiveTurns {
  readonly #turns = new Map<string, LiveTurn>()

  /** Returns a turn of this process. */
  get(turnId: string): LiveTurn | undefined {
    return this.#turns.get(turnId)
  }

  set(turnId: string, live: LiveTurn): void {
    this.#turns.set(turnId, live)
  }

  delete(turnId: string): void {
    this.#turns.delete(turnId)
  }

  /** Returns a turn without an end, also of an earlier process. */
  find(store: Store, turnId: string): LiveTurn | undefined {
    const known = this.#turns.get(turnId)
    if (known) return known
    const row = rowOf(store, turnId)
    if (row?.['ended_at'] !== null) return undefined
    const turn = { ...turnOf(row), lastSeq: lastSeqOf(store, row) }
    const live = new LiveTurn(turn, textOrNull(row['body_hash']), Number(row['id']))
    this.#turns.set(turnId, live)
    return live
  }

  /** Returns the turn of a row, as it is now. */
  current(row: Row): LoggedTurn {
    const stored = turnOf(row)
    return { ...(this.#turns.get(stored.turnId)?.turn ?? stored) }
  }

  /** Marks the turns of a session, or all turns of an agent, as erased: their readers end. */
  erase(of: { agentId: string; sessionId?: string }): void {
    for (const live of this.#turns.values()) if (isOf(live, of)) live.erase()
  }

  /** Ends all readers. */
  close(): void {
    for (const live of this.#turns.values()) live.close()
    this.#turns.clear()
  }
}

const isOf = ({ turn, change }: LiveTurn, of: { agentId: string; sessionId?: string }): boolean =>
  turn.agentId === of.agentId &&
  (of.sessionId === undefined || (change.sessionId ?? turn.sessionId) === of.sessionId)
