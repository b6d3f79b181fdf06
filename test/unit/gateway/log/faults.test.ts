import { closeSync, openSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { EmbeddedTurnLog } from '../../../../src/gateway/log/embedded-turn-log.ts'
import { loadLibsql } from '../../../../src/gateway/log/libsql.ts'
import { openStore } from '../../../../src/gateway/log/open-store.ts'
import { keptBounds } from '../../../../src/gateway/log/retention.ts'
import { tempHome } from '../../../support/home.ts'
import { delta, endedTurn, final, newTurn, openedLog, readAll, usage } from '../../../support/turn-log.ts'

const large = 'x'.repeat(400_000)

/** Opens a log whose file can be made unable to grow, as on a full disk. */
async function boundedLog() {
  const file = join(tempHome(), 'gateway.db')
  const store = await openStore(file)
  const log = new EmbeddedTurnLog(
    file,
    Promise.resolve(store),
    { ...keptBounds({ retentionDays: 30, maxStoreMb: 1_024 }), minFreeBytes: 0 },
    Date.now,
  )
  onTestFinished(() => log.close().catch(() => undefined))
  await log.maintain()
  const setPages = (pages: number) => store.all(`pragma max_page_count = ${pages}`)
  return { log, file, fill: () => setPages(1), free: () => setPages(1_000_000_000) }
}

describe('a full disk', () => {
  it('rejects what waits for the write, loses no reply, and stores all of them when there is space', async () => {
    const { log, fill, free } = await boundedLog()
    await log.create(newTurn('t1'))
    const writer = log.writer('t1')
    writer.push(delta('before'), usage(0))
    await writer.flushed()
    const reader = log.read('t1', 1)[Symbol.asyncIterator]()
    const next = reader.next()
    fill()
    writer.push({ ...delta(large), trace_id: 'other' }, usage(1))
    await expect(writer.flushed()).rejects.toMatchObject({
      fault: 'full',
      message: expect.stringContaining('free space') as string,
    })
    expect(log.isFull).toBe(true)
    await expect(log.create(newTurn('t2'))).rejects.toMatchObject({ fault: 'full' })
    writer.push(delta('after'), usage(2))
    await expect(writer.flushed()).rejects.toMatchObject({ fault: 'full' })
    expect(await log.get('t1')).toMatchObject({ lastSeq: 1 })
    free()
    await writer.flushed()
    expect(log.isFull).toBe(false)
    expect(await next).toMatchObject({ done: false })
    writer.push(final('end'), usage(3))
    expect((await readAll(log, 't1')).map(({ seq }) => seq)).toEqual([1, 2, 3, 4])
    expect(await log.create(newTurn('t2'))).toMatchObject({ isNew: true })
    await reader.return(undefined)
  })

  it('refuses a new turn that cannot be stored, which the next call adds', async () => {
    const { log, fill, free } = await boundedLog()
    fill()
    const turn = newTurn('t1', { resume: large, bodyHash: 'h' })
    const calls = await Promise.allSettled([log.create(turn), log.create(turn)])
    expect(calls).toMatchObject([1, 2].map(() => ({ status: 'rejected', reason: { fault: 'full' } })))
    expect(await log.get('t1')).toBeUndefined()
    expect(log.isFull).toBe(true)
    free()
    await log.maintain()
    expect(log.isFull).toBe(false)
    expect(await log.create(turn)).toMatchObject({ isNew: true })
  })

  it('ends the readers of a turn with an error when more waits than the memory may hold', async () => {
    const { log, fill, free } = await boundedLog()
    await log.create(newTurn('t1'))
    fill()
    const writer = log.writer('t1')
    const reading = readAll(log, 't1')
    const outcome = expect(reading).rejects.toMatchObject({ fault: 'full' })
    for (let i = 0; i < 90; i++) writer.push({ ...delta(large), trace_id: String(i) }, usage(i))
    await outcome
    free()
    await expect(writer.flushed()).rejects.toMatchObject({ fault: 'full' })
    expect(await log.get('t1')).toMatchObject({ state: 'queued', endedAt: null })
  })

  it('is told by close if something could not be written', async () => {
    const { log, fill } = await boundedLog()
    await log.create(newTurn('t1'))
    fill()
    log.writer('t1').push(delta(large), usage(1))
    await expect(log.close()).rejects.toMatchObject({ fault: 'full' })
  })
})

describe('a turn that cannot be stored', () => {
  it('is told by its own writer, and stops no other turn', async () => {
    const { log, file } = await openedLog()
    const { Connection } = await loadLibsql()
    for (const turnId of ['t1', 't2']) await log.create(newTurn(turnId))
    const other = new Connection(file)
    other.exec(`create trigger refuse before insert on replies when new.body like '%poison%'
      begin select raise(abort, 'refused'); end`)
    other.close()
    log.writer('t1').push(delta('poison'), usage(1))
    log.writer('t2').push(final('fine'), usage(1))
    await expect(log.writer('t1').flushed()).rejects.toMatchObject({ fault: 'unavailable' })
    expect(await readAll(log, 't2')).toHaveLength(1)
    expect(log.isFull).toBe(false)
    await expect(readAll(log, 't1')).rejects.toThrow('refused')
  })
})

describe('damage of the file that shows later', { timeout: 30_000 }, () => {
  it('is told to the readers that meet it, and to no others', async () => {
    const { log, file } = await openedLog()
    const text = 'x'.repeat(150_000)
    for (let i = 0; i < 30; i++) await endedTurn(log, `t${i}`, text)
    await log.close()
    const { log: damaged } = await openedLog({ file })
    const { size } = statSync(file)
    const fd = openSync(file, 'r+')
    writeSync(fd, Buffer.alloc(size / 2, 7), 0, size / 2, size / 4)
    closeSync(fd)
    const results = await Promise.allSettled(Array.from({ length: 30 }, (_, i) => readAll(damaged, `t${i}`)))
    const faults = results.flatMap((result) =>
      result.status === 'rejected' ? [result.reason as unknown] : [],
    )
    expect(faults.length).toBeGreaterThan(5)
    for (const fault of faults) expect(fault).toMatchObject({ name: 'TurnLogError', fault: 'corrupt' })
    const whole = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
    expect(whole.length).toBeGreaterThan(0)
    for (const replies of whole) expect(replies.at(-1)?.reply).toEqual(final(text))
  })
})
