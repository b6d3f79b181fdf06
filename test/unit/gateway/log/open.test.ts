import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openTurnLog } from '../../../../src/gateway/log/index.ts'
import { loadLibsql } from '../../../../src/gateway/log/libsql.ts'
import { migrate, steps } from '../../../../src/gateway/log/schema.ts'
import { TurnLogError } from '../../../../src/gateway/turns/turn-log.ts'
import { tempHome } from '../../../support/home.ts'
import { copyOf, delta, endedTurn, newTurn, openedLog, readAll, usage } from '../../../support/turn-log.ts'

const { Connection, BackgroundConnection } = await loadLibsql()

/** Tries to open a file, and returns the error. */
async function errorOf(file: string): Promise<TurnLogError> {
  const log = openTurnLog({ file })
  onTestFinished(() => log.close())
  const error: unknown = await log.ready.catch((e: unknown) => e)
  if (error instanceof TurnLogError) return error
  throw new Error(`no TurnLogError: ${String(error)}`)
}

/** Makes a file with SQL. */
function fileWith(sql: string): string {
  const file = join(tempHome(), 'gateway.db')
  const connection = new Connection(file)
  connection.exec(sql)
  connection.close()
  return file
}

/** Returns a closed log with 200 turns. */
async function filledFile(): Promise<string> {
  const { log, file } = await openedLog()
  for (let i = 0; i < 200; i++) await log.create(newTurn(`t${i}`, { resume: 'x'.repeat(1_000) }))
  await log.close()
  return file
}

describe('a file', { timeout: 30_000 }, () => {
  it('is made with its folder, for the user of the process only', async () => {
    const file = join(tempHome(), 'new', '.fleet', 'gateway.db')
    const { log } = await openedLog({ file })
    await log.create(newTurn('t1'))
    const modes = ['', '-wal', '-shm', '.lock'].map((suffix) => statSync(file + suffix).mode & 0o777)
    expect(modes).toEqual([0o600, 0o600, 0o600, 0o600])
    expect(statSync(join(file, '..')).mode & 0o777).toBe(0o700)
  })

  it('that another log has open is refused, and can be opened when that one is closed', async () => {
    const { log, file } = await openedLog()
    expect(await errorOf(file)).toMatchObject({
      fault: 'unavailable',
      message: expect.stringContaining('another gateway') as string,
    })
    await log.close()
    const { log: next } = await openedLog({ file })
    expect(await next.openTurns()).toEqual([])
  })

  it('that is no database is told, and stays as it is', async () => {
    const file = join(tempHome(), 'gateway.db')
    writeFileSync(file, 'this is a text\n'.repeat(1_000))
    const error = await errorOf(file)
    expect(error.fault).toBe('corrupt')
    expect(error.message).toContain(file)
    expect(error.message).toContain('restore a backup')
    expect(readFileSync(file, 'utf8')).toBe('this is a text\n'.repeat(1_000))
  })

  it('of another program is told, and stays as it is', async () => {
    const file = fileWith('create table notes (text)')
    const before = readFileSync(file)
    expect(await errorOf(file)).toMatchObject({
      fault: 'corrupt',
      message: expect.stringContaining('another program') as string,
    })
    expect(readFileSync(file).equals(before)).toBe(true)
  })

  it('with damaged pages is told, and stays as it is', async () => {
    const file = await filledFile()
    const { size } = statSync(file)
    const fd = openSync(file, 'r+')
    writeSync(fd, Buffer.alloc(size / 2, 7), 0, size / 2, size / 4)
    closeSync(fd)
    const before = readFileSync(file)
    expect(await errorOf(file)).toMatchObject({ fault: 'corrupt' })
    expect(readFileSync(file).equals(before)).toBe(true)
  })

  it('that was cut is told', async () => {
    const file = await filledFile()
    truncateSync(file, 20_480)
    expect(await errorOf(file)).toMatchObject({ fault: 'corrupt' })
  })

  it('of a newer version is refused, and stays as it is', async () => {
    const { log, file } = await openedLog()
    await log.close()
    const connection = new Connection(file)
    connection.exec(`pragma user_version = ${steps.length + 1}`)
    connection.prepare('pragma wal_checkpoint(truncate)').all([])
    connection.close()
    const before = readFileSync(file)
    const error = await errorOf(file)
    expect(error.fault).toBe('newer')
    expect(error.message).toContain(`version ${steps.length + 1}`)
    expect(readFileSync(file).equals(before)).toBe(true)
  })

  it('in a place where no file can be made is told', async () => {
    const folder = tempHome()
    writeFileSync(join(folder, 'plain'), '')
    expect(await errorOf(join(folder, 'plain', 'gateway.db'))).toMatchObject({ fault: 'unavailable' })
    mkdirSync(join(folder, 'gateway.db'))
    expect(await errorOf(join(folder, 'gateway.db'))).toMatchObject({ fault: 'unavailable' })
  })

  it.skipIf(process.getuid?.() === 0)('that may not be written is told', async () => {
    const file = await filledFile()
    chmodSync(file, 0o400)
    expect(await errorOf(file)).toMatchObject({ fault: 'unavailable' })
  })

  it('refuses all calls with the error of its opening', async () => {
    const log = openTurnLog({ file: fileWith('create table notes (text)') })
    onTestFinished(() => log.close())
    await expect(log.create(newTurn('t1'))).rejects.toMatchObject({ fault: 'corrupt' })
    await expect(log.openTurns()).rejects.toMatchObject({ fault: 'corrupt' })
    await expect(readAll(log, 't1')).rejects.toMatchObject({ fault: 'corrupt' })
    await expect(log.reserve('e', 1)).rejects.toMatchObject({ fault: 'corrupt' })
  })
})

describe('a file of the first version', () => {
  it('is brought to the newest version with its turns, its replies and their usage', async () => {
    const file = fileWith('')
    const connection = new Connection(file)
    migrate(connection, file, steps.slice(0, 1))
    const columns = `turn_id, agent_id, tenant, token_id, state, created_at, ended_at, last_seq, texts,
      input_tokens, output_tokens, reasoning_tokens, cache_read_tokens, cache_write_tokens, cost_usd`
    const day = Date.UTC(2026, 0, 2)
    connection.exec(`
      insert into turns (${columns}) values ('t1', 'a1', 'x', 'k', 'done', ${day}, ${day}, 1, 1, 3, 0, 0, 0, 0, 0.5);
      insert into turns (${columns}) values ('t2', 'a1', 'x', 'k', 'queued', ${day}, null, 0, 1, 4, 0, 0, 0, 0, 0);
      insert into replies (turn, last, size, body) values (1, 1, 10, '[${JSON.stringify(delta('old'))}]')`)
    connection.close()
    const { log } = await openedLog({ file, retentionDays: 10_000 })
    expect(await readAll(log, 't1')).toEqual([{ seq: 1, reply: delta('old') }])
    expect(await log.openTurns()).toMatchObject([{ turn: { turnId: 't2' } }])
    const sum = { ...usage(7), cost_usd: 0.5 }
    expect(await log.usage('day', {})).toEqual([{ key: '2026-01-02', turns: 2, usage: sum }])
    expect(await log.reserve('e', 1)).toBe(1)
  })
})

describe('a backup', () => {
  it('made by VACUUM INTO of another connection has the turns, while the log writes', async () => {
    const { log, file } = await openedLog()
    await endedTurn(log, 't1', 'kept')
    await log.create(newTurn('t2'))
    const writer = log.writer('t2')
    const copy = join(tempHome(), 'backup.db')
    const backup = new BackgroundConnection(file)
    const copied = backup.exec(`vacuum into '${copy}'`)
    for (let i = 0; i < 20; i++) {
      writer.push({ ...delta('text'), trace_id: String(i) }, usage(i))
      await writer.flushed()
    }
    await copied
    backup.close()
    const { log: other } = await openedLog({ file: copy })
    expect(await readAll(other, 't1')).toHaveLength(2)
    expect(await log.get('t2')).toMatchObject({ lastSeq: 20 })
  })

  it('may be a plain copy of the files of a closed log', async () => {
    const { log, file } = await openedLog()
    await endedTurn(log, 't1', 'kept')
    await log.close()
    const { log: other } = await openedLog({ file: copyOf(file) })
    expect(await readAll(other, 't1')).toHaveLength(2)
  })
})
