import { copyFileSync, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { loadLibsql } from '../../src/gateway/log/libsql.ts'
import { openTurnLog, type TurnLogOptions } from '../../src/gateway/log/index.ts'
import type { LoggedReply, NewTurn, TurnLog } from '../../src/gateway/turns/turn-log.ts'
import { noUsage, type FinalReply, type Reply, type Usage } from '../../src/replies.ts'
import { tempHome } from './home.ts'

/** Opens a log in a new folder, or in a given file, and closes it when the test finishes. */
export async function openedLog(options: Partial<TurnLogOptions> = {}) {
  const file = options.file ?? join(tempHome(), 'gateway.db')
  const log = openTurnLog({ ...options, file })
  onTestFinished(() => log.close())
  await log.ready
  return { log, file }
}

/** Returns a new turn, with any fields of a test. */
export const newTurn = (turnId: string, fields: Partial<NewTurn> = {}): NewTurn => ({
  turnId,
  agentId: 'a1',
  tenant: 't1',
  tokenId: 'k1',
  traceId: null,
  model: 'fake/model',
  sessionId: null,
  bodyHash: null,
  resume: null,
  ...fields,
})

export const delta = (content: string): Reply => ({ kind: 'delta', trace_id: null, content })

export const final = (content: string): FinalReply => ({
  kind: 'final',
  trace_id: null,
  content,
  finish_reason: 'stop',
  usage: usage(1),
})

/** Returns a usage of so many input tokens, and a tenth of a dollar for each. */
export const usage = (tokens: number): Usage => ({
  ...noUsage(),
  input_tokens: tokens,
  cost_usd: tokens / 10,
})

/** Adds a turn with one delta, and ends it. */
export async function endedTurn(
  log: TurnLog,
  turnId: string,
  content: string,
  fields: Partial<NewTurn> = {},
) {
  await log.create(newTurn(turnId, fields))
  const writer = log.writer(turnId)
  writer.push(delta(content), usage(1))
  writer.push(final(content), usage(1))
  await writer.flushed()
}

/** Reads a turn to its end. */
export async function readAll(log: TurnLog, turnId: string, after = 0): Promise<LoggedReply[]> {
  const replies: LoggedReply[] = []
  for await (const batch of log.read(turnId, after)) replies.push(...batch)
  return replies
}

/** Returns a clock that a test sets. */
export function testClock(start = Date.UTC(2026, 10, 29, 12)) {
  let time = start
  return { now: () => time, pass: (ms: number) => (time += ms) }
}

/** Puts a store that cannot be used in the place of a gateway's file. */
export async function putUnusableStore(file: string, kind: 'damaged' | 'newer'): Promise<undefined> {
  const log = openTurnLog({ file })
  await log.ready
  await log.close()
  if (kind === 'damaged') {
    writeFileSync(file, 'no database '.repeat(1000))
    return
  }
  const { Connection } = await loadLibsql()
  const connection = new Connection(file)
  connection.exec('pragma user_version = 99')
  connection.close()
}

/** Copies the files of an open log into a new folder, as a crash of the process would leave them. */
export function copyOf(file: string): string {
  const copy = join(tempHome(), 'gateway.db')
  for (const suffix of ['', '-wal']) if (existsSync(file + suffix)) copyFileSync(file + suffix, copy + suffix)
  return copy
}
