import { firstLine, messageOf } from '../../util/messages.ts'
import { TurnLogError, type TurnLogFault } from '../turns/turn-log.ts'

/** Faults by the code of SQLite's error, without its extension (`SQLITE_IOERR_WRITE` is `SQLITE_IOERR`). */
const faults: Readonly<Record<string, TurnLogFault>> = {
  SQLITE_FULL: 'full',
  SQLITE_CORRUPT: 'corrupt',
  SQLITE_NOTADB: 'corrupt',
}

const advice: Readonly<Partial<Record<TurnLogFault, string>>> = {
  full: 'free space on the disk, or allow a larger store',
  corrupt: 'restore a backup, or move the file away: the gateway then begins a new one',
  newer: 'run the version of the package that wrote the file, or a later one',
}

/** Returns any error of the store as a TurnLogError that names the file. */
export function asTurnLogError(error: unknown, file: string): TurnLogError {
  if (error instanceof TurnLogError) return error
  const fault = faults[sqliteCode(error)] ?? 'unavailable'
  return faultOf(fault, file, firstLine(messageOf(error)), error)
}

/** Returns a TurnLogError whose message names the file, what is wrong, and what to do. */
export function faultOf(fault: TurnLogFault, file: string, what: string, cause?: unknown): TurnLogError {
  const toDo = advice[fault]
  const message = `The store of turns ${file}: ${what}${toDo === undefined ? '' : `; ${toDo}`}`
  return new TurnLogError(fault, message, { cause })
}

/**
 * Returns true if the fault may pass, as a full disk does. Any other fault is caused by the data of one turn, or
 * by the file itself.
 */
export const mayPass = (error: unknown): boolean =>
  /^SQLITE_(FULL|IOERR|BUSY|LOCKED|CANTOPEN|READONLY|NOMEM)$/.test(sqliteCode(error))

function sqliteCode(error: unknown): string {
  const { code } = Object(error) as { code?: unknown }
  return typeof code === 'string' ? (/^SQLITE_[A-Z]+/.exec(code)?.[0] ?? code) : ''
}
