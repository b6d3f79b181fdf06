import { readFileSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { TurnLog } from '../../../../src/gateway/turns/turn-log.ts'
import {
  delta,
  endedTurn,
  final,
  newTurn,
  openedLog,
  readAll,
  testClock,
  usage,
} from '../../../support/turn-log.ts'

const day = 86_400_000
const kilobytes = (n: number, mark = 'x') => mark.repeat(Math.ceil((n * 1_024) / mark.length))

const ids = async (log: TurnLog) =>
  (await log.list({ limit: 1_000 })).items.map(({ turnId }) => turnId).reverse()

/** Returns how often a text is in any file of the log. */
function tracesOf(file: string, text: string): number {
  const folder = dirname(file)
  const all = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'latin1'))
  return all.join('\n').split(text).length - 1
}

describe('retention by age', { timeout: 30_000 }, () => {
  it('deletes turns that ended too long ago, and keeps their usage', async () => {
    const clock = testClock()
    const { log } = await openedLog({ clock, retentionDays: 2 })
    await endedTurn(log, 't1', 'old')
    await log.create(newTurn('open'))
    clock.pass(day)
    await endedTurn(log, 't2', 'new')
    clock.pass(1.5 * day)
    await log.maintain()
    expect(await ids(log)).toEqual(['open', 't2'])
    expect(await log.get('t1')).toBeUndefined()
    expect(await readAll(log, 't1')).toEqual([])
    expect(await readAll(log, 't2')).toHaveLength(2)
    expect(await log.usage('agent', {})).toEqual([{ key: 'a1', turns: 3, usage: usage(2) }])
  })

  it('never gives the number of a deleted turn to another one', async () => {
    const clock = testClock()
    const { log } = await openedLog({ clock, retentionDays: 1 })
    await endedTurn(log, 't1', 'old')
    clock.pass(2 * day)
    const [, created] = await Promise.all([log.maintain(), log.create(newTurn('t2'))])
    expect(created.isNew).toBe(true)
    log.writer('t2').push(final('new'), usage(1))
    await log.writer('t2').flushed()
    await log.maintain()
    expect(await readAll(log, 't2')).toHaveLength(1)
  })
})

describe('retention by size', { timeout: 30_000 }, () => {
  it('deletes the turns that ended first, and no turn that runs, and shrinks the file', async () => {
    const { log, file } = await openedLog({ maxStoreMb: 8 })
    await log.create(newTurn('open'))
    log.writer('open').push(delta('text'), usage(0))
    for (let i = 0; i < 30; i++) await endedTurn(log, `t${i}`, kilobytes(200))
    await log.maintain()
    const left = await ids(log)
    expect(left[0]).toBe('open')
    expect(left.length).toBeLessThan(20)
    expect(left.slice(1)).toEqual(
      Array.from({ length: left.length - 1 }, (_, i) => `t${i + 31 - left.length}`),
    )
    expect(log.isFull).toBe(false)
    expect((await log.usage('tenant', {}))[0]?.turns).toBe(31)
    await log.maintain()
    expect(statSync(file).size).toBeLessThan(13 * 1_048_576)
  })

  it('keeps the turn of a key for a day, with its last reply only', async () => {
    const clock = testClock()
    const { log } = await openedLog({ clock, maxStoreMb: 4 })
    await endedTurn(log, 'keyed', kilobytes(100), { bodyHash: 'h' })
    for (let i = 0; i < 20; i++) await endedTurn(log, `t${i}`, kilobytes(150))
    await log.maintain()
    expect(await readAll(log, 'keyed')).toMatchObject([{ seq: 2, reply: { kind: 'final' } }])
    expect(await readAll(log, 'keyed', 2)).toEqual([])
    expect(await log.create(newTurn('keyed', { bodyHash: 'h' }))).toMatchObject({
      isNew: false,
      turn: { state: 'done', reply: { kind: 'final' } },
    })
    clock.pass(day + 1)
    for (let i = 20; i < 40; i++) await endedTurn(log, `t${i}`, kilobytes(150))
    await log.maintain()
    expect(await log.get('keyed')).toBeUndefined()
  })

  it('refuses new turns when only turns that run are left; these go on, and an end makes room', async () => {
    const { log } = await openedLog({ maxStoreMb: 2 })
    for (const turnId of ['t1', 't2']) await log.create(newTurn(turnId))
    const writer = log.writer('t1')
    for (let i = 0; i < 30; i++) writer.push({ ...delta(kilobytes(100)), trace_id: String(i) }, usage(i))
    await writer.flushed()
    await log.maintain()
    expect(log.isFull).toBe(true)
    await expect(log.create(newTurn('t3'))).rejects.toMatchObject({ fault: 'full' })
    expect(await log.create(newTurn('t2'))).toMatchObject({ isNew: false })
    writer.push(final('end'), usage(30))
    await writer.flushed()
    expect(await log.get('t1')).toMatchObject({ state: 'done', lastSeq: 31 })
    expect(await log.create(newTurn('t3'))).toMatchObject({ isNew: true })
    expect(log.isFull).toBe(false)
  })
})

describe('a disk with little free space', () => {
  it('refuses new turns, and the turns that run go on', async () => {
    const { log, file } = await openedLog()
    await log.create(newTurn('t1'))
    await log.close()
    const { log: full } = await openedLog({ file, minFreeMb: 1e9 })
    await full.maintain()
    expect(full.isFull).toBe(true)
    await expect(full.create(newTurn('t2'))).rejects.toMatchObject({ fault: 'full' })
    full.writer('t1').push(final('end'), usage(1))
    await full.writer('t1').flushed()
    expect(await readAll(full, 't1')).toHaveLength(1)
  })
})

describe('erase', { timeout: 30_000 }, () => {
  it('leaves no text of a session in any file, keeps the usage, and touches no other session', async () => {
    const { log, file } = await openedLog()
    for (let i = 0; i < 60; i++) {
      const sessionId = `ses_${i % 3}`
      const content = kilobytes(1 + (i % 7) * 9, `secret-of-${sessionId}.`)
      await endedTurn(log, `t${i}`, content, { sessionId, resume: `input secret-of-${sessionId}.` })
    }
    expect(tracesOf(file, 'secret-of-ses_1.')).toBeGreaterThan(1_000)
    await log.erase({ agentId: 'a1', tenant: 't1', sessionId: 'ses_1' })
    expect(tracesOf(file, 'secret-of-ses_1.')).toBe(0)
    expect(await log.get('t1')).toMatchObject({
      state: 'done',
      reply: null,
      sessionId: 'ses_1',
      usage: usage(1),
    })
    expect(await readAll(log, 't1')).toEqual([])
    expect(await readAll(log, 't2')).toHaveLength(2)
    expect((await log.usage('agent', {}))[0]?.turns).toBe(60)
  })

  it('also deletes the terminal replies of turns whose other replies retention has deleted', async () => {
    const { log, file } = await openedLog({ maxStoreMb: 2 })
    for (let i = 0; i < 10; i++) await endedTurn(log, `t${i}`, kilobytes(300, 'secret.'), { bodyHash: 'h' })
    await log.maintain()
    await log.erase({ agentId: 'a1', tenant: 't1' })
    expect(tracesOf(file, 'secret.')).toBe(0)
    expect(await ids(log)).toHaveLength(10)
  })

  it('ends the readers of a turn that runs, whose further texts are not stored', async () => {
    const { log, file } = await openedLog()
    await log.create(newTurn('t1'))
    const writer = log.writer('t1')
    writer.update({ sessionId: 'ses_1' })
    writer.push(delta('secret.1'), usage(1))
    const reading = readAll(log, 't1')
    await log.erase({ agentId: 'a1', tenant: 't1', sessionId: 'ses_1' })
    expect((await reading).length).toBeLessThan(2)
    writer.push(delta('secret.2'), usage(1))
    writer.push(final('secret.3'), usage(2))
    await writer.flushed()
    await log.maintain()
    expect(tracesOf(file, 'secret.')).toBe(0)
    expect(await log.get('t1')).toMatchObject({ state: 'done', reply: null, usage: usage(2) })
  })

  it('of an agent that has no turns does nothing', async () => {
    const { log } = await openedLog()
    await endedTurn(log, 't1', 'text')
    await log.erase({ agentId: 'other', tenant: 't1' })
    expect(await readAll(log, 't1')).toHaveLength(2)
  })
})
