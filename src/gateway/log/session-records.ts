import type { KeptSession, SessionRecords } from '../turns/turn-log.ts'
import { asTurnLogError } from './faults.ts'
import type { Row } from './libsql.ts'
import { text, textOrNull } from './rows.ts'
import type { Store } from './store.ts'

/** Records of sessions in the store. */
export class StoredSessions implements SessionRecords {
  readonly #open: () => Promise<Store>

  /** @param open - returns the open store */
  constructor(open: () => Promise<Store>) {
    this.#open = open
  }

  async put({ kind, key, agentId, sessionId }: KeptSession): Promise<void> {
    const sql = 'insert or replace into sessions (kind, key, agent_id, session_id) values (?, ?, ?, ?)'
    await write(await this.#open(), sql, [kind, key, agentId, sessionId])
  }

  async get(kind: KeptSession['kind'], key: string): Promise<KeptSession | undefined> {
    const store = await this.#open()
    const [row] = store.all('select * from sessions where kind = ? and key = ?', [kind, key])
    return row && sessionOf(row)
  }

  async list(kind: KeptSession['kind']): Promise<KeptSession[]> {
    const store = await this.#open()
    return store.all('select * from sessions where kind = ? order by key', [kind]).map(sessionOf)
  }

  async delete(kind: KeptSession['kind'], key: string): Promise<void> {
    await write(await this.#open(), 'delete from sessions where kind = ? and key = ?', [kind, key])
  }
}

/** Removes the names of a session, or of all sessions of an agent. */
export async function eraseNames(
  store: Store,
  { agentId, sessionId }: { agentId: string; sessionId?: string },
): Promise<void> {
  const bySession = sessionId === undefined ? '' : 'and session_id = ?'
  const values = [agentId, ...(sessionId === undefined ? [] : [sessionId])]
  await write(store, `delete from sessions where kind = 'named' and agent_id = ? ${bySession}`, values)
}

async function write(store: Store, sql: string, values: readonly (string | null)[]): Promise<void> {
  try {
    await store.exclusively(() => store.run(sql, values))
  } catch (error) {
    throw asTurnLogError(error, store.file)
  }
}

const sessionOf = (row: Row): KeptSession => ({
  kind: text(row['kind']) as KeptSession['kind'],
  key: text(row['key']),
  agentId: text(row['agent_id']),
  sessionId: textOrNull(row['session_id']),
})
