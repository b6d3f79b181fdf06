import { loadModule } from '../../io/host/load-module.ts'
import { firstLine, messageOf } from '../../util/messages.ts'
import { TurnLogError } from '../turns/turn-log.ts'

/** Value of a column or of a parameter. */
export type Value = string | number | null

/** Row of a result, by the names of its columns. */
export type Row = Readonly<Record<string, Value>>

/** Prepared statement. Parameters are always one array: libsql aborts the process for a lone object or `null`. */
export interface Statement {
  all(values: readonly Value[]): Row[]
  run(values: readonly Value[]): { changes: number; lastInsertRowid: number }
}

/** Connection whose calls block the thread. */
export interface Connection {
  prepare(sql: string): Statement
  exec(sql: string): void
  close(): void
}

/** Connection whose calls run on a thread of libsql. */
export interface BackgroundConnection {
  exec(sql: string): Promise<void>
  prepare(sql: string): Promise<{ all(values: readonly Value[]): Promise<Row[]> }>
  close(): unknown
}

/** Constructors of both kinds of connection. */
export interface Libsql {
  Connection: new (file: string) => Connection
  BackgroundConnection: new (file: string) => BackgroundConnection
}

/**
 * Loads libsql, an optional peer of the package.
 *
 * @throws TurnLogError `unavailable` if libsql, or its binary for this platform, is not installed
 */
export async function loadLibsql(): Promise<Libsql> {
  try {
    const blocking = await loadModule<unknown>('libsql', () => import('libsql'))
    const background = await loadModule<unknown>('libsql/promise', () => import('libsql/promise'))
    return {
      Connection: constructorOf(blocking) as Libsql['Connection'],
      BackgroundConnection: constructorOf(background) as Libsql['BackgroundConnection'],
    }
  } catch (error) {
    const message = `The gateway keeps its turns with libsql, which could not be loaded: run \`npm install libsql\` (${firstLine(messageOf(error))})`
    throw new TurnLogError('unavailable', message, { cause: error })
  }
}

/** Returns the class that a CommonJS module exports: `require` returns the class, and `import` a namespace. */
function constructorOf(module: unknown): unknown {
  return typeof module === 'function' ? module : (module as { default: unknown }).default
}
