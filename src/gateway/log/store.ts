import { asTurnLogError } from './faults.ts'
import type { BackgroundConnection, Connection, Row, Statement, Value } from './libsql.ts'
import { PageCache } from './page-cache.ts'
import { pragma, rollBack } from './schema.ts'

/** Parts of an open file. */
export interface OpenFile {
  file: string
  connection: Connection
  background: BackgroundConnection
  /** Lets another process open the file. */
  release(): void
}

/**
 * Open file of the log. Short statements run at once and block the thread for microseconds to a few milliseconds.
 * Long ones run on a thread of libsql (`inBackground`), one after the other; SQLite allows one writer, so that a
 * caller of `transaction` first asks `isHeld`.
 */
export class Store {
  readonly file: string
  /** Pages of replies that readers share. */
  readonly pages = new PageCache()
  readonly #parts: OpenFile
  readonly #statements = new Map<string, Statement>()
  #queue: Promise<unknown> = Promise.resolve()
  #waiting = 0
  #isClosed = false
  /** Called when the last background work has ended. */
  onFree: () => void = () => undefined

  constructor(parts: OpenFile) {
    this.#parts = parts
    this.file = parts.file
  }

  /** Returns true while background work may hold the write lock. */
  get isHeld(): boolean {
    return this.#waiting > 0
  }

  /**
   * Returns all rows of a statement. Use `limit`: the thread waits. No row has a text with a NUL; libsql would look for
   * the part before the NUL.
   *
   * @throws TurnLogError `corrupt` or `unavailable`
   */
  all(sql: string, values: readonly Value[] = []): Row[] {
    if (values.some((value) => typeof value === 'string' && value.includes('\0'))) return []
    try {
      return this.#statement(sql).all(values)
    } catch (error) {
      throw asTurnLogError(error, this.file)
    }
  }

  /** Runs a statement and returns the number of the inserted row. */
  run(sql: string, values: readonly Value[] = []): number {
    return this.#statement(sql).run(values).lastInsertRowid
  }

  /** Runs a function in a transaction that writes; nothing of it stays if the function throws. */
  transaction<T>(act: () => T): T {
    const { connection } = this.#parts
    this.#requireOpen()
    connection.exec('begin immediate')
    try {
      const result = act()
      connection.exec('commit')
      return result
    } catch (error) {
      rollBack(connection)
      throw error
    }
  }

  /** Runs SQL on a thread of libsql, after all earlier background work. */
  inBackground(sql: string): Promise<void> {
    return this.exclusively(async () => {
      try {
        await this.#parts.background.exec(sql)
      } catch (error) {
        await this.#parts.background.exec('rollback').catch(() => undefined)
        throw asTurnLogError(error, this.file)
      }
    })
  }

  /**
   * Moves what is in the write-ahead log into the file. `truncate` also empties the log, so that no old text stays.
   *
   * @returns `false` if another process reads the file at the moment, as a backup does: call again later
   */
  checkpoint(mode: 'passive' | 'truncate'): Promise<boolean> {
    return this.exclusively(async () => {
      const statement = await this.#parts.background.prepare(`pragma wal_checkpoint(${mode})`)
      const [row] = await statement.all([])
      return row?.['busy'] === 0
    })
  }

  /** Runs work while no other background work and no commit runs. */
  exclusively<T>(work: () => Promise<T> | T): Promise<T> {
    this.#waiting++
    const result = this.#queue.then(() => {
      this.#requireOpen()
      return work()
    })
    this.#queue = result
      .catch(() => undefined)
      .then(() => {
        if (--this.#waiting === 0 && !this.#isClosed) this.onFree()
      })
    return result
  }

  /** Reserves numbers of a counter, durably, and returns the first one. */
  reserve(name: string, count: number): Promise<number> {
    return this.exclusively(() => {
      const [row] = this.all(
        `insert into counters (name, next) values (?, 1 + ?)
          on conflict do update set next = next + ? returning next - ? as first`,
        [name, count, count, count],
      )
      return Number(row?.['first'])
    }).catch((error: unknown) => {
      throw asTurnLogError(error, this.file)
    })
  }

  /** Gives a turn another id, because a new turn takes its id. */
  giveIdAway(row: Row): Promise<unknown> {
    return this.exclusively(() =>
      this.run("update turns set turn_id = turn_id || '.' || created_at, body_hash = null where id = ?", [
        row['id'] ?? null,
      ]),
    )
  }

  /** Returns the bytes in use and the bytes of free pages in the file. */
  size(): { used: number; free: number } {
    this.#requireOpen()
    const { connection } = this.#parts
    const free = pragma(connection, 'freelist_count')
    const pageSize = pragma(connection, 'page_size')
    return { used: (pragma(connection, 'page_count') - free) * pageSize, free: free * pageSize }
  }

  /** Moves what is in the write-ahead log into the file, and closes the file. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    await this.#queue
    this.#isClosed = true
    this.#statements.clear()
    await this.#parts.background.exec('pragma wal_checkpoint(truncate)').catch(() => undefined)
    this.#parts.background.close()
    this.#parts.connection.close()
    this.#parts.release()
  }

  #statement(sql: string): Statement {
    this.#requireOpen()
    const known = this.#statements.get(sql)
    if (known) return known
    const prepared = this.#parts.connection.prepare(sql)
    this.#statements.set(sql, prepared)
    return prepared
  }

  /** libsql goes on with a closed connection as long as a statement of the connection lives. */
  #requireOpen(): void {
    if (this.#isClosed) throw asTurnLogError(new Error('the store is closed'), this.file)
  }
}
