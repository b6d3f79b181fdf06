import type { Value } from './libsql.ts'
import type { Store } from './store.ts'

/** Turns that one step marks. */
const turnsPerStep = 200
/** Rows of replies that one step deletes; a row has at most 64 KB, or one long reply. */
const rowsPerStep = 128
/** Free pages that one step gives back to the disk. */
const pagesPerStep = 1_000

/**
 * Returns the numbers of the rows of a session's turns, or of all turns of an agent, that still have texts: replies,
 * or a terminal reply that was kept for a key.
 */
export function rowsWithTexts(store: Store, of: { agentId: string; sessionId?: string }): number[] {
  const bySession = of.sessionId === undefined ? '' : 'and session_id = ?'
  const values: Value[] = [of.agentId, ...(of.sessionId === undefined ? [] : [of.sessionId])]
  const sql = `select id from turns where agent_id = ? ${bySession} and (texts = 1 or reply is not null)
    limit ${turnsPerStep}`
  return store.all(sql, values).map((row) => Number(row['id']))
}

/** Deletes the terminal replies and inputs of turns, and marks their replies for {@link emptyTrash}. */
export const discardTexts = (store: Store, rows: readonly number[]): Promise<void> =>
  store.inBackground(`begin immediate;
    update turns set texts = 0, reply = null, resume = null where id in (${rows.join()});
    insert or ignore into trash (turn, keep) select id, 1 from turns where id in (${rows.join()});
    commit`)

/** Deletes turns that ended before a time, with all that they have, in steps. */
export async function discardEndedBefore(store: Store, time: number): Promise<void> {
  const old = `ended_at is not null and ended_at < ${time}`
  while (store.all(`select 1 from turns where ${old} limit 1`).length > 0) {
    await store.inBackground(`begin immediate;
      insert or replace into trash (turn, keep)
        select id, 0 from turns where ${old} order by ended_at limit ${turnsPerStep};
      delete from turns where id in (select turn from trash where keep = 0);
      commit`)
    await emptyTrash(store)
  }
}

/**
 * Deletes the replies of the turn that ended first, and the turn itself if no later request with its
 * Idempotency-Key needs it.
 *
 * @param store - the store
 * @param keysSince - turns with a key that were created since this time are kept, without their replies
 * @returns `false` if there is nothing left to delete
 */
export async function discardOldest(store: Store, keysSince: number): Promise<boolean> {
  const isKept = `body_hash is not null and created_at >= ${keysSince}`
  const [oldest] = store.all(
    `select id, ${isKept} as kept from turns where ended_at is not null and (texts = 1 or not (${isKept}))
      order by ended_at, id limit 1`,
  )
  if (!oldest) return false
  const id = Number(oldest['id'])
  const isRowKept = Number(oldest['kept']) === 1
  const change = isRowKept
    ? `update turns set texts = 0 where id = ${id}`
    : `delete from turns where id = ${id}`
  await store.inBackground(`begin immediate;
    insert or replace into trash (turn, keep) values (${id}, ${isRowKept ? 1 : 0});
    ${change};
    commit`)
  await emptyTrash(store)
  return true
}

/** Deletes the replies of discarded turns in steps, also of those that an earlier process has left. */
export async function emptyTrash(store: Store): Promise<void> {
  for (;;) {
    const [turn] = store.all('select turn from trash limit 1')
    if (!turn) return
    const id = Number(turn['turn'])
    const of = `select id from replies where turn = ${id}`
    while (store.all(`${of} limit 1`).length > 0)
      await store.inBackground(`delete from replies where id in (${of} order by last limit ${rowsPerStep})`)
    store.pages.clear()
    await store.inBackground(`delete from trash where turn = ${id}`)
  }
}

/** Gives free pages back to the disk in steps, until at most some bytes of the file are free. */
export async function shrink(store: Store, allowedFree: number): Promise<void> {
  for (let { free } = store.size(); free > allowedFree;) {
    await store.inBackground(`pragma incremental_vacuum(${pagesPerStep})`)
    const left = store.size().free
    if (left >= free) return
    free = left
  }
}
