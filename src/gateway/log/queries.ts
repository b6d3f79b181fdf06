import type { LoggedTurn, OpenTurn, TurnFilter, UsageFilter, UsageRow } from '../turns/turn-log.ts'
import { dayOf } from './commit.ts'
import type { Row, Value } from './libsql.ts'
import { readStored } from './read.ts'
import { text, textOrNull, turnOf, usageColumns, usageOf } from './rows.ts'
import type { Store } from './store.ts'

/** Most turns of one page of a list. */
const mostItems = 1_000

/** Returns the row of a turn. */
export const rowOf = (store: Store, turnId: string): Row | undefined =>
  store.all('select * from turns where turn_id = ?', [turnId])[0]

/** Returns the number of the row of a turn whose replies are stored, without reading any text. */
export function rowWithTexts(store: Store, turnId: string): number | undefined {
  const [row] = store.all('select id from turns where turn_id = ? and texts = 1', [turnId])
  return row && Number(row['id'])
}

/** Returns the rows of turns, newest first, and the cursor of the rest. */
export function listRows(store: Store, filter: TurnFilter): { rows: Row[]; nextBefore: string | null } {
  const limit = Math.max(1, Math.min(filter.limit, mostItems))
  // One query for each agent: SQLite then walks an index, and sorts nothing.
  const agents = filter.agentId === undefined ? filter.agents : [filter.agentId]
  const isSeen = filter.agentId === undefined || (filter.agents?.includes(filter.agentId) ?? true)
  const perAgent = isSeen ? (agents ?? [undefined]) : []
  const rows = perAgent
    .flatMap((agentId) => agentRows(store, filter, agentId, limit + 1))
    .sort((a, b) => Number(b['id']) - Number(a['id']))
  const items = rows.slice(0, limit)
  return { rows: items, nextBefore: rows.length > limit ? text(items.at(-1)?.['id']) : null }
}

function agentRows(store: Store, filter: TurnFilter, agentId: string | undefined, limit: number): Row[] {
  const terms: string[] = []
  const values: Value[] = []
  const add = (term: string, value: Value | undefined) => {
    if (value === undefined) return
    terms.push(term)
    values.push(value)
  }
  add('agent_id = ?', agentId)
  add('tenant = ?', filter.tenant)
  if (filter.state && filter.state !== 'done') terms.push('ended_at is null')
  add('state = ?', filter.state)
  if (filter.before !== undefined) add('id < ?', cursorOf(filter.before))
  const where = terms.length > 0 ? `where ${terms.join(' and ')}` : ''
  return store.all(`select * from turns ${where} order by id desc limit ?`, [...values, limit])
}

/** Returns the number of a cursor; 0, before which no turn is, for a text that is no cursor. */
const cursorOf = (before: string): number => (/^\d{1,15}$/.test(before) ? Number(before) : 0)

/** Returns the turns without an end, with their texts so far. */
export async function readOpenTurns(store: Store): Promise<OpenTurn[]> {
  const rows = store.all('select * from turns where ended_at is null order by id')
  const turns: OpenTurn[] = []
  for (const row of rows) turns.push(await openTurnOf(store, row))
  return turns
}

async function openTurnOf(store: Store, row: Row): Promise<OpenTurn> {
  const turn: LoggedTurn = { ...turnOf(row), lastSeq: lastSeqOf(store, row) }
  const pieces: string[] = []
  let hasCalledTool = false
  for await (const batch of readStored(store, Number(row['id']), 0)) {
    for (const { reply } of batch) {
      if (reply.kind === 'delta') pieces.push(reply.content)
      hasCalledTool ||= reply.kind === 'tool_call'
    }
  }
  return { turn, resume: textOrNull(row['resume']), text: pieces.join(''), hasCalledTool }
}

/** Returns the number of the last stored reply of a turn without an end, whose row does not tell it. */
export function lastSeqOf(store: Store, row: Row): number {
  const [last] = store.all('select max(last) as last from replies where turn = ?', [row['id'] ?? null])
  return Math.max(Number(row['last_seq']), Number(last?.['last'] ?? 0))
}

const keys = { agent: 'agent_id', tenant: 'tenant', day: 'day', model: 'model' } as const

const sums = usageColumns.map((column) => `sum(${column}) as ${column}`).join(', ')
const openTurnsUsage = `select strftime('%Y-%m-%d', created_at / 1000, 'unixepoch') as day, agent_id, tenant,
  ifnull(model, '') as model, 1 as turns, ${usageColumns.join(', ')} from turns where ended_at is null`

/** Returns sums of the usage of all turns, also of deleted ones. `since` counts whole days. */
export function sumUsage(store: Store, by: keyof typeof keys, filter: UsageFilter): UsageRow[] {
  const agents = filter.agents?.map(() => '?').join(', ')
  const terms = [
    ...(agents === undefined ? [] : [`agent_id in (${agents})`]),
    ...(filter.tenant === undefined ? [] : ['tenant = ?']),
    ...(filter.since === undefined ? [] : ['day >= ?']),
  ]
  const values = [
    ...(filter.agents ?? []),
    ...(filter.tenant === undefined ? [] : [filter.tenant]),
    ...(filter.since === undefined ? [] : [dayOf(filter.since)]),
  ]
  const where = terms.length > 0 ? `where ${terms.join(' and ')}` : ''
  const rows = store.all(
    `select ${keys[by]} as key, sum(turns) as turns, ${sums} from (select * from usage union all ${openTurnsUsage})
      ${where} group by 1 order by 1`,
    values,
  )
  return rows.map((row) => ({ key: text(row['key']), turns: Number(row['turns']), usage: usageOf(row) }))
}
