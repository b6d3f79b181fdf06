import { isTerminal } from '../../replies.ts'
import { onAbort } from '../../util/abort-signal.ts'
import { deferred } from '../../util/deferred.ts'
import type { LoggedReply } from '../turns/turn-log.ts'
import { faultOf } from './faults.ts'
import type { Row } from './libsql.ts'
import type { LiveTurn } from './live-turn.ts'
import { repliesOf } from './rows.ts'
import type { Store } from './store.ts'
import type { Batch } from './tail.ts'

/** Rows that one look at the store may take. */
const rowsPerPage = 256
/** Text that one page may have, in characters; a single larger row is a page of its own. */
const pageSize = 131_072

/** Returns stored replies after a number, at most one page; empty if there are none. Pages are shared by readers. */
export function storedPage(store: Store, row: number, after: number): Batch {
  const known = store.pages.find(row, after + 1)
  if (known) return known
  const { last, size } = endOfPage(store, row, after)
  if (last === 0) return []
  const rows = store.all(
    'select last, body from replies where turn = ? and last > ? and last <= ? order by last',
    [row, after, last],
  )
  const replies = parsed(store, rows)
  store.pages.add(row, replies, size > pageSize)
  const from = replies.findIndex(({ seq }) => seq > after)
  return from > 0 ? replies.slice(from) : replies
}

/** Returns the number of the last reply of a page, and the size of the page; 0 if there is no reply. */
function endOfPage(store: Store, row: number, after: number): { last: number; size: number } {
  const sizes = store.all(
    'select last, size from replies where turn = ? and last > ? order by last limit ?',
    [row, after, rowsPerPage],
  )
  let [last, size] = [0, 0]
  for (const found of sizes) {
    const next = size + Number(found['size'])
    if (last > 0 && next > pageSize) break
    size = next
    last = Number(found['last'])
  }
  return { last, size }
}

/** Returns the replies of rows. Damage of the file within a text shows only here. */
function parsed(store: Store, rows: readonly Row[]): LoggedReply[] {
  try {
    return rows.flatMap(repliesOf)
  } catch (error) {
    throw faultOf('corrupt', store.file, 'a stored reply is damaged', error)
  }
}

/**
 * Reads the stored replies of a turn to their end. Ends early if replies were deleted since: a reader never gets
 * replies with a hole.
 */
export async function* readStored(
  store: Store,
  row: number,
  after: number,
  signal?: AbortSignal,
): AsyncGenerator<Batch, void> {
  for (let next = after; !signal?.aborted;) {
    const page = storedPage(store, row, next)
    if (page[0]?.seq !== next + 1) return
    yield page
    const last = page.at(-1)
    if (!last || isTerminal(last.reply)) return
    next = last.seq
    // Other work of the thread goes on between two pages.
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/**
 * Reads the replies of a turn that runs: from its tail if the tail has the next one, else from the store. Ends at the
 * turn's end, or when the turn is found no more. Between two batches only `find` is kept, so that a reader that does
 * not read on keeps no text of the turn alive.
 */
export async function* readLive(
  store: Store,
  find: () => LiveTurn | undefined,
  after: number,
  signal?: AbortSignal,
): AsyncGenerator<Batch, void> {
  for (let next = after; !signal?.aborted;) {
    const batch = await nextOf(store, find(), next, signal)
    if (!batch) return
    next = batch.at(-1)?.seq ?? next
    yield batch
  }
}

/** Waits for the next replies of a turn; `undefined` if there are none. */
async function nextOf(
  store: Store,
  live: LiveTurn | undefined,
  next: number,
  signal: AbortSignal | undefined,
): Promise<Batch | undefined> {
  while (live && !signal?.aborted && !live.isErased) {
    const batch = live.tail.after(next) ?? pageOf(store, live, next)
    if (batch) return batch
    live.requireStorable()
    if (live.isOver || next < live.lastSeq) return undefined
    await changeOf(live, signal)
  }
  return undefined
}

/** Returns the stored replies after a number; `undefined` if there is no durable one, or replies were deleted. */
function pageOf(store: Store, live: LiveTurn, next: number): Batch | undefined {
  if (live.row === undefined || next >= live.lastSeq) return undefined
  const page = storedPage(store, live.row, next)
  return page[0]?.seq === next + 1 ? page : undefined
}

/** Resolves when something of a turn changes, or when the reader goes. */
async function changeOf(live: LiveTurn, signal: AbortSignal | undefined): Promise<void> {
  const change = deferred<undefined>()
  const wake = () => change.resolve(undefined)
  const forget = live.wait(wake)
  const stopListening = onAbort(signal, wake)
  await change.promise
  forget()
  stopListening()
}
