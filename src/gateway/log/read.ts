import { onAbort } from '../../util/abort-signal.ts'
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
export const storedPage = (store: Store, row: number, after: number): Batch =>
  store.pages.get(row, after, () => {
    const { last, size } = endOfPage(store, row, after)
    if (last === 0) return { page: [], isKept: false }
    const rows = store.all(
      'select last, body from replies where turn = ? and last > ? and last <= ? order by last',
      [row, after, last],
    )
    const replies = parsed(store, rows)
    const page = replies.slice(
      Math.max(
        0,
        replies.findIndex(({ seq }) => seq > after),
      ),
    )
    return { page, isKept: size <= pageSize }
  })

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
    next = page.at(-1)?.seq ?? next
    // Other work of the thread goes on between two pages.
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** Reads the replies of a turn that runs: from its tail if the tail has the next one, else from the store. */
export async function* readLive(
  store: Store,
  live: LiveTurn,
  after: number,
  signal?: AbortSignal,
): AsyncGenerator<Batch, void> {
  const change = new Change(live, signal)
  try {
    for (let next = after; !signal?.aborted && !live.isErased;) {
      const batch = live.tail.after(next) ?? pageOf(store, live, next)
      if (batch) {
        yield batch
        next = batch.at(-1)?.seq ?? next
        continue
      }
      live.requireStorable()
      if (live.isOver || next < live.lastSeq) return
      await change.next()
    }
  } finally {
    change.close()
  }
}

/** Returns the stored replies after a number; `undefined` if there is no durable one, or replies were deleted. */
function pageOf(store: Store, live: LiveTurn, next: number): Batch | undefined {
  if (live.row === undefined || next >= live.lastSeq) return undefined
  const page = storedPage(store, live.row, next)
  return page[0]?.seq === next + 1 ? page : undefined
}

/** Wait of one reader for a change of its turn, or for its signal. */
class Change {
  readonly #live: LiveTurn
  readonly #stopListening: () => void
  #resolve: (() => void) | undefined
  #forget: (() => void) | undefined

  constructor(live: LiveTurn, signal: AbortSignal | undefined) {
    this.#live = live
    this.#stopListening = onAbort(signal, () => this.#resolve?.())
  }

  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#resolve = resolve
      this.#forget = this.#live.wait(resolve)
    })
  }

  close(): void {
    this.#forget?.()
    this.#stopListening()
  }
}
