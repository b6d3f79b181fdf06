import { TurnLogError } from '../turns/turn-log.ts'
import { faultOf } from './faults.ts'
import type { Connection, Value } from './libsql.ts'

/** Marks a file as a store of turns, in the header of the file. */
const applicationId = 0x6f637274

/**
 * Steps from each version of the schema to the next one. The version of a file is the number of its steps
 * (`PRAGMA user_version`). A step is never changed after a release: a new form of the data is a new step.
 *
 * - `turns.id` is the order of the turns; the number of a deleted turn is never used again. `texts` is 0 when the replies and the terminal reply were deleted.
 *   `trace_id` is JSON, because libsql cuts a text at its first NUL.
 * - A row of `replies` has neighbouring replies as a JSON array; `last` is the number of its last one.
 * - `usage` has the sums of ended turns, so that they outlive the turns.
 * - `trash` has turns whose replies are being deleted.
 * - `sessions` has the sessions that the gateway has to delete, and those for which a client has a name.
 */
export const steps: readonly string[] = [
  `create table turns (
    id integer primary key autoincrement,
    turn_id text not null unique,
    agent_id text not null,
    tenant text not null,
    token_id text not null,
    session_id text,
    trace_id text,
    model text,
    state text not null,
    created_at integer not null,
    ended_at integer,
    last_seq integer not null,
    texts integer not null,
    reply text,
    body_hash text,
    resume text,
    input_tokens integer not null,
    output_tokens integer not null,
    reasoning_tokens integer not null,
    cache_read_tokens integer not null,
    cache_write_tokens integer not null,
    cost_usd real not null
  );
  create index turns_by_agent on turns (agent_id, id);
  create index turns_by_session on turns (agent_id, session_id);
  create index turns_by_tenant on turns (tenant, id);
  create index turns_by_end on turns (ended_at) where ended_at is not null;
  create index turns_open on turns (id) where ended_at is null;
  create table replies (
    id integer primary key,
    turn integer not null,
    last integer not null,
    size integer not null,
    body text not null
  );
  create unique index replies_of_turn on replies (turn, last);
  create table trash (turn integer primary key, keep integer not null);`,
  `create table usage (
    day text not null,
    agent_id text not null,
    tenant text not null,
    model text not null,
    turns integer not null,
    input_tokens integer not null,
    output_tokens integer not null,
    reasoning_tokens integer not null,
    cache_read_tokens integer not null,
    cache_write_tokens integer not null,
    cost_usd real not null,
    primary key (day, agent_id, tenant, model)
  ) without rowid;
  insert into usage
    select strftime('%Y-%m-%d', created_at / 1000, 'unixepoch'), agent_id, tenant, ifnull(model, ''), count(*),
      sum(input_tokens), sum(output_tokens), sum(reasoning_tokens), sum(cache_read_tokens),
      sum(cache_write_tokens), sum(cost_usd)
    from turns where ended_at is not null group by 1, 2, 3, 4;
  create table counters (name text primary key, next integer not null) without rowid;`,
  `create table sessions (
    kind text not null,
    key text not null,
    agent_id text not null,
    session_id text,
    primary key (kind, key)
  ) without rowid;
  create index sessions_by_agent on sessions (agent_id, session_id);`,
]

/**
 * Brings a file to the newest version of the schema, in one transaction; a new file gets the whole schema.
 *
 * @param connection - the connection, outside a transaction
 * @param file - path of the file, for messages
 * @param to - steps to reach
 * @throws TurnLogError `newer` if the file has more steps, `corrupt` if it is the file of another program
 */
export function migrate(connection: Connection, file: string, to: readonly string[] = steps): void {
  const version = checkedVersion(connection, file, to.length)
  if (version === to.length) return
  connection.exec('begin immediate')
  try {
    for (const step of to.slice(version)) connection.exec(step)
    connection.exec(`pragma application_id = ${applicationId}; pragma user_version = ${to.length}; commit`)
  } catch (error) {
    rollBack(connection)
    throw error
  }
}

/** Returns the version of a file, without any change of the file. */
export function checkedVersion(connection: Connection, file: string, newest = steps.length): number {
  const version = pragma(connection, 'user_version')
  const isOurs = pragma(connection, 'application_id') === applicationId
  if (!isOurs && connection.prepare('select 1 from sqlite_schema limit 1').all([]).length > 0)
    throw faultOf('corrupt', file, 'the file belongs to another program')
  if (version > newest)
    throw faultOf('newer', file, `the file has version ${version}, and this package reads ${newest}`)
  return version
}

/** Returns the number of a pragma. */
export function pragma(connection: Connection, name: string): number {
  const [row] = connection.prepare(`pragma ${name}`).all([])
  const value: Value | undefined = row && Object.values(row)[0]
  if (typeof value !== 'number') throw new TurnLogError('unavailable', `libsql has no number for ${name}`)
  return value
}

/** Ends a failed transaction. SQLite has already ended the transaction of some errors, such as a full disk. */
export function rollBack(connection: Connection): void {
  try {
    connection.exec('rollback')
  } catch {
    // The transaction has ended.
  }
}
