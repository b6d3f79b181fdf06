import type { LoggedTurn, TurnLogError } from '../turns/turn-log.ts'
import type { Usage } from '../../replies.ts'
import type { LiveTurn } from './live-turn.ts'
import { loggedReply, usageColumns, usageValues } from './rows.ts'
import type { Store } from './store.ts'
import type { Batch } from './tail.ts'

/** New row of a turn, which waits for the next commit. */
export interface Creation {
  bodyHash: string | null
  resume: string | null
}

/** Part of a turn that one commit stores. */
export interface Stored {
  live: LiveTurn
  turn: LoggedTurn
  batches: { batch: Batch; size: number }[]
}

const insertReplies = 'insert into replies (turn, last, size, body) values (?, ?, ?, ?)'

const updateTurn = `update turns set state = ?, session_id = ?, ended_at = ?, last_seq = ?, reply = ?,
  resume = case when ? then null else resume end,
  ${usageColumns.map((column) => `${column} = ?`).join(', ')} where id = ?`

const addUsage = `insert into usage (day, agent_id, tenant, model, turns, ${usageColumns.join(', ')})
  values (?, ?, ?, ?, 1, ${usageColumns.map(() => '?').join(', ')})
  on conflict do update set turns = turns + 1,
  ${usageColumns.map((column) => `${column} = ${column} + excluded.${column}`).join(', ')}`

const insertTurn = `insert into turns (turn_id, agent_id, tenant, token_id, session_id, trace_id, model, state,
  created_at, last_seq, texts, body_hash, resume, ${usageColumns.join(', ')})
  values (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 1, ?, ?, ${usageColumns.map(() => '?').join(', ')})`

/** Stores a new turn, inside a transaction. Returns the number of its row. */
export function storeTurn(store: Store, turn: LoggedTurn, creation: Creation): number {
  return store.run(insertTurn, [
    turn.turnId,
    turn.agentId,
    turn.tenant,
    turn.tokenId,
    turn.sessionId,
    turn.traceId === null ? null : JSON.stringify(turn.traceId),
    turn.model,
    turn.state,
    turn.createdAt,
    creation.bodyHash,
    creation.resume,
    ...usageValues(turn.usage),
  ])
}

/** Stores what waits of a turn, inside a transaction. Changes nothing in the memory, because the commit may fail. */
export function storePending(store: Store, live: LiveTurn, row: number, now: number): Stored {
  const batches: Stored['batches'] = []
  let lastSeq = live.change.lastSeq ?? live.lastSeq
  for (const { replies } of live.pending.rows) {
    const batch = replies.map((reply, i) => loggedReply(lastSeq + i + 1, reply))
    lastSeq += batch.length
    const body = JSON.stringify(replies)
    if (!live.isErased) store.run(insertReplies, [row, lastSeq, body.length, body])
    batches.push({ batch, size: body.length })
  }
  const turn = turnAfter(live, lastSeq, now)
  if (isRowChanged(live)) storeRow(store, turn, row)
  return { live, turn, batches }
}

/** The number of the last reply alone is not written: the rows of the replies tell it. */
function isRowChanged({ change, turn, terminal }: LiveTurn): boolean {
  if (terminal || change.state || change.sessionId !== undefined || change.lastSeq !== undefined) return true
  return change.usage !== undefined && !isSame(change.usage, turn.usage)
}

const isSame = (a: Usage, b: Usage): boolean => usageColumns.every((column) => a[column] === b[column])

function turnAfter({ turn, change, terminal, isErased }: LiveTurn, lastSeq: number, now: number): LoggedTurn {
  const next: LoggedTurn = { ...turn, ...change, lastSeq }
  return terminal ? { ...next, state: 'done', endedAt: now, reply: isErased ? null : terminal } : next
}

function storeRow(store: Store, turn: LoggedTurn, row: number): void {
  const isDone = turn.state === 'done'
  const usage = usageValues(turn.usage)
  const reply = turn.reply ? JSON.stringify(turn.reply) : null
  store.run(updateTurn, [
    turn.state,
    turn.sessionId,
    turn.endedAt,
    turn.lastSeq,
    reply,
    isDone ? 1 : 0,
    ...usage,
    row,
  ])
  if (isDone)
    store.run(addUsage, [dayOf(turn.createdAt), turn.agentId, turn.tenant, turn.model ?? '', ...usage])
}

/** Returns the day of a time in UTC, such as `2026-11-29`. */
export const dayOf = (time: number): string => new Date(time).toISOString().slice(0, 10)

/** Marks a turn whose data cannot be stored. */
export function giveUp(live: LiveTurn, fault: TurnLogError): void {
  live.fault = fault
  live.pending.clear()
  live.change = {}
  live.wake()
}
