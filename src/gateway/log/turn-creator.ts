import { noUsage } from '../../replies.ts'
import { TurnLogError, type LoggedTurn, type NewTurn } from '../turns/turn-log.ts'
import type { Committer } from './committer.ts'
import { asTurnLogError } from './faults.ts'
import type { Row } from './libsql.ts'
import { LiveTurn } from './live-turn.ts'
import type { LiveTurns } from './live-turns.ts'
import { rowOf } from './queries.ts'
import { keyMs } from './retention.ts'
import { textOrNull, turnOf } from './rows.ts'
import type { Store } from './store.ts'

type Created = Promise<{ turn: LoggedTurn; isNew: boolean }>

/** Parts that a new turn needs: the live turns, the store, and its commits. */
interface Parts {
  store: Store
  committer: Committer
  lives: LiveTurns
  now: () => number
  /** Resolves if there is space for a new turn. */
  requireSpace: () => Promise<void> | undefined
}

/** Adds turns, or finds those that are known. */
export class TurnCreator {
  readonly #parts: Parts

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Adds a turn; see `TurnLog.create`. Nothing happens between the last look for a known turn and its addition. */
  async create(turn: NewTurn): Created {
    const known = this.#known(turn)
    if (known) return known
    const space = this.#parts.requireSpace()
    if (!space) return this.#add(turn)
    await space
    return this.#known(turn) ?? this.#add(turn)
  }

  /** Returns a turn with the same id; `undefined` if there is none, or its key has expired. */
  #known(turn: NewTurn): Created | undefined {
    const live = this.#parts.lives.get(turn.turnId)
    if (live) return afterCreation(turn, live)
    const row = rowOf(this.#parts.store, turn.turnId)
    if (!row || this.#isKeyOver(row)) return undefined
    return Promise.resolve(sameTurn(turn, textOrNull(row['body_hash']), turnOf(row)))
  }

  async #add(turn: NewTurn): Created {
    const { lives, now } = this.#parts
    const live = new LiveTurn(queuedTurn(turn, now()), turn.bodyHash)
    lives.set(turn.turnId, live)
    live.created = this.#store(live, turn)
    const fault = await live.created
    if (!fault) return { turn: { ...live.turn }, isNew: true }
    lives.delete(turn.turnId)
    throw fault
  }

  /** Stores a turn. A turn whose key has expired gives its id away first. */
  async #store(live: LiveTurn, turn: NewTurn): Promise<TurnLogError | undefined> {
    const { store, committer } = this.#parts
    try {
      const former = rowOf(store, turn.turnId)
      if (former) await store.giveIdAway(former)
      return await committer.create(live, turn)
    } catch (error) {
      return asTurnLogError(error, store.file)
    }
  }

  #isKeyOver(row: Row): boolean {
    const isEnded = row['ended_at'] != null
    return isEnded && row['body_hash'] != null && Number(row['created_at']) < this.#parts.now() - keyMs
  }
}

async function afterCreation(turn: NewTurn, live: LiveTurn): Created {
  const fault = await live.created
  if (fault) throw fault
  return sameTurn(turn, live.bodyHash, { ...live.turn })
}

function sameTurn(turn: NewTurn, bodyHash: string | null, known: LoggedTurn) {
  if (bodyHash === turn.bodyHash) return { turn: known, isNew: false }
  throw new TurnLogError('key_reused', 'The Idempotency-Key was used with another body: use another key')
}

const queuedTurn = (turn: NewTurn, createdAt: number): LoggedTurn => ({
  turnId: turn.turnId,
  agentId: turn.agentId,
  tenant: turn.tenant,
  tokenId: turn.tokenId,
  sessionId: turn.sessionId,
  traceId: turn.traceId,
  model: turn.model,
  state: 'queued',
  createdAt,
  endedAt: null,
  lastSeq: 0,
  reply: null,
  hasTexts: true,
  usage: noUsage(),
})
