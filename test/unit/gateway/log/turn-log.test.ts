import { describe, expect, it } from 'vitest'
import { TurnLogError } from '../../../../src/gateway/turns/turn-log.ts'
import type { Reply } from '../../../../src/replies.ts'
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

const hour = 3_600_000

describe('create', () => {
  it('adds a queued turn with the time of the clock', async () => {
    const clock = testClock()
    const { log } = await openedLog({ clock })
    const { turn, isNew } = await log.create(newTurn('t1', { traceId: 'a\0b', sessionId: 'ses_1' }))
    expect(isNew).toBe(true)
    expect(turn).toMatchObject({
      turnId: 't1',
      state: 'queued',
      createdAt: clock.now(),
      traceId: 'a\0b',
      lastSeq: 0,
    })
    expect(await log.get('t1')).toEqual(turn)
  })

  it('returns the known turn for the same id and body, also for calls at the same time', async () => {
    const { log } = await openedLog()
    const calls = [1, 2, 3].map(() => log.create(newTurn('t1', { bodyHash: 'h' })))
    expect((await Promise.all(calls)).map(({ isNew }) => isNew)).toEqual([true, false, false])
    await endedTurn(log, 't2', 'text', { bodyHash: 'h' })
    expect(await log.create(newTurn('t2', { bodyHash: 'h' }))).toMatchObject({
      isNew: false,
      turn: { state: 'done', reply: { content: 'text' } },
    })
  })

  it('rejects a known turn with another body', async () => {
    const { log } = await openedLog()
    const first = log.create(newTurn('t1', { bodyHash: 'h' }))
    const other = () => log.create(newTurn('t1', { bodyHash: 'other' }))
    await expect(other()).rejects.toMatchObject({ fault: 'key_reused' })
    await first
    await endedTurn(log, 't2', 'text', { bodyHash: 'h' })
    await expect(other()).rejects.toThrow(TurnLogError)
    await expect(log.create(newTurn('t2'))).rejects.toMatchObject({ fault: 'key_reused' })
  })

  it('gives the id of an ended turn to a new one when the key has expired, and keeps the ended turn', async () => {
    const clock = testClock()
    const { log } = await openedLog({ clock })
    await endedTurn(log, 't1', 'old', { bodyHash: 'h' })
    const old = await log.get('t1')
    clock.pass(24 * hour)
    expect(await log.create(newTurn('t1', { bodyHash: 'other' })).catch((e: unknown) => e)).toBeInstanceOf(
      TurnLogError,
    )
    clock.pass(1)
    const calls = [1, 2].map(() => log.create(newTurn('t1', { bodyHash: 'other' })))
    expect((await Promise.all(calls)).map(({ isNew }) => isNew)).toEqual([true, false])
    expect(await readAll(log, `t1.${old?.createdAt ?? 0}`)).toHaveLength(2)
    expect(await log.get('t1')).toMatchObject({ state: 'queued' })
  })

  it('keeps a turn without an end for its key, however old the turn is', async () => {
    const clock = testClock()
    const { log } = await openedLog({ clock })
    await log.create(newTurn('t1', { bodyHash: 'h' }))
    clock.pass(48 * hour)
    expect(await log.create(newTurn('t1', { bodyHash: 'h' }))).toMatchObject({ isNew: false })
  })
})

describe('get', () => {
  it('returns nothing for an unknown turn, also if the id begins with a known one and a NUL', async () => {
    const { log } = await openedLog()
    await endedTurn(log, 't1', 'text')
    expect(await log.get('t2')).toBeUndefined()
    expect(await log.get('t1\0x')).toBeUndefined()
    expect(await readAll(log, 't1\0x')).toEqual([])
    await log.erase({ agentId: 'a1\0x', tenant: 't1' })
    expect(await readAll(log, 't1')).toHaveLength(2)
  })
})

describe('writer', () => {
  it('stores the state, the session, the usage and the terminal reply', async () => {
    const clock = testClock()
    const { log } = await openedLog({ clock })
    await log.create(newTurn('t1'))
    const writer = log.writer('t1')
    writer.update({ state: 'running', sessionId: 'ses_1' })
    await writer.flushed()
    expect(await log.get('t1')).toMatchObject({
      state: 'running',
      sessionId: 'ses_1',
      endedAt: null,
      reply: null,
    })
    clock.pass(500)
    writer.push(final('ok'), usage(3))
    await writer.flushed()
    expect(await log.get('t1')).toMatchObject({
      state: 'done',
      endedAt: clock.now(),
      lastSeq: 1,
      reply: final('ok'),
      usage: usage(3),
    })
  })

  it('merges neighbouring deltas of a moment, and no others', async () => {
    const { log } = await openedLog()
    await log.create(newTurn('t1'))
    const writer = log.writer('t1')
    const reasoning = { kind: 'reasoning', trace_id: null, content: 'r' } as const
    for (const reply of [delta('a'), delta('b'), reasoning, reasoning, delta('c')])
      writer.push(reply, usage(0))
    writer.push({ ...delta('d'), trace_id: 'other' }, usage(0))
    writer.push(final('abcd'), usage(1))
    expect(
      (await readAll(log, 't1')).map(({ seq, reply }) => [seq, 'content' in reply && reply.content]),
    ).toEqual([
      [1, 'ab'],
      [2, 'rr'],
      [3, 'c'],
      [4, 'd'],
      [5, 'abcd'],
    ])
  })

  it('keeps the time of calls of tools and of their results beside the replies, and of no others', async () => {
    const { log, file } = await openedLog()
    await log.create(newTurn('t1'))
    const writer = log.writer('t1')
    const call = { trace_id: null, call_id: 'c1', tool: 'bash' }
    const replies: Reply[] = [
      delta('a'),
      { kind: 'tool_call', ...call, args: { at: 7 } },
      { kind: 'tool_result', ...call, result: '', success: true },
      final('a'),
    ]
    for (const [i, reply] of replies.entries()) writer.push(reply, usage(1), 1_000 + i)
    const times = [undefined, 1_001, 1_002, undefined]
    const expected = replies.map((reply, i) => ({ seq: i + 1, reply, ...(times[i] && { at: times[i] }) }))
    expect(await readAll(log, 't1')).toEqual(expected)
    await log.close()
    const { log: again } = await openedLog({ file })
    expect(await readAll(again, 't1')).toEqual(expected)
  })

  it('ignores what comes after the terminal reply', async () => {
    const { log } = await openedLog()
    await endedTurn(log, 't1', 'text')
    await log.create(newTurn('t2'))
    const writer = log.writer('t2')
    writer.push(final('end'), usage(1))
    writer.push(delta('late'), usage(9))
    writer.update({ sessionId: 'late' })
    await writer.flushed()
    expect(await readAll(log, 't2')).toEqual([{ seq: 1, reply: final('end') }])
    expect(await log.get('t2')).toMatchObject({ sessionId: null, usage: usage(1) })
    expect(() => log.writer('t1')).toThrow('no turn t1 that runs')
  })

  it('keeps texts as they are: NUL, lone surrogates, and 3 MB in one reply', async () => {
    const { log } = await openedLog()
    await log.create(newTurn('t1'))
    const texts = ['a\0b', '\ud800', 'x'.repeat(3_000_000), '😀'.repeat(20_000)]
    const writer = log.writer('t1')
    const results = texts.map(
      (result) =>
        ({ kind: 'tool_result', trace_id: null, call_id: 'c', tool: 't', result, success: true }) as const,
    )
    for (const result of results) writer.push(result, usage(0))
    await writer.flushed()
    writer.push(final(''), usage(0))
    await writer.flushed()
    expect((await readAll(log, 't1')).slice(0, -1).map(({ reply }) => reply)).toEqual(results)
  })
})

describe('list', () => {
  it('returns the newest turns first, in pages, without a turn twice', async () => {
    const { log } = await openedLog()
    for (let i = 0; i < 7; i++) await log.create(newTurn(`t${i}`, { agentId: `a${i % 2}` }))
    const seen: string[] = []
    let before: string | null | undefined
    do {
      const page = await log.list({ limit: 3, before: before ?? undefined })
      seen.push(...page.items.map(({ turnId }) => turnId))
      before = page.nextBefore
    } while (before !== null)
    expect(seen).toEqual(['t6', 't5', 't4', 't3', 't2', 't1', 't0'])
  })

  it('returns only the turns that the filter allows', async () => {
    const { log } = await openedLog()
    await log.create(newTurn('t1', { agentId: 'a1', tenant: 'x' }))
    await endedTurn(log, 't2', 'text', { agentId: 'a2', tenant: 'x' })
    await log.create(newTurn('t3', { agentId: 'a3', tenant: 'y' }))
    const ids = async (filter: Partial<Parameters<typeof log.list>[0]>) =>
      (await log.list({ limit: 10, ...filter })).items.map(({ turnId }) => turnId)
    expect(await ids({ agentId: 'a2' })).toEqual(['t2'])
    expect(await ids({ agents: ['a1', 'a3'] })).toEqual(['t3', 't1'])
    expect(await ids({ agents: [] })).toEqual([])
    expect(await ids({ agentId: 'a2', agents: ['a1'] })).toEqual([])
    expect(await ids({ tenant: 'x', state: 'queued' })).toEqual(['t1'])
    expect(await ids({ state: 'done' })).toEqual(['t2'])
    expect(await ids({ before: 'no cursor' })).toEqual([])
  })

  it('shows the number of the last durable reply of a turn that runs', async () => {
    const { log } = await openedLog()
    await log.create(newTurn('t1'))
    log.writer('t1').push(delta('a'), usage(0))
    await log.writer('t1').flushed()
    expect((await log.list({ limit: 1 })).items[0]?.lastSeq).toBe(1)
  })
})

describe('usage', () => {
  it('sums ended turns and turns that run, by agent, tenant, day and model', async () => {
    const clock = testClock()
    const { log } = await openedLog({ clock })
    await endedTurn(log, 't1', 'text', { agentId: 'a1', tenant: 'x' })
    clock.pass(24 * hour)
    await log.create(newTurn('t2', { agentId: 'a2', tenant: 'x', model: null }))
    log.writer('t2').update({ usage: usage(4) })
    await log.writer('t2').flushed()
    expect(await log.usage('agent', {})).toEqual([
      { key: 'a1', turns: 1, usage: usage(1) },
      { key: 'a2', turns: 1, usage: usage(4) },
    ])
    expect(await log.usage('tenant', {})).toEqual([{ key: 'x', turns: 2, usage: usage(5) }])
    expect((await log.usage('day', {})).map(({ key }) => key)).toEqual(['2026-11-29', '2026-11-30'])
    expect((await log.usage('model', {})).map(({ key }) => key)).toEqual(['', 'fake/model'])
  })

  it('counts only what the filter allows', async () => {
    const clock = testClock()
    const { log } = await openedLog({ clock })
    await endedTurn(log, 't1', 'text', { agentId: 'a1', tenant: 'x' })
    clock.pass(24 * hour)
    await endedTurn(log, 't2', 'text', { agentId: 'a2', tenant: 'y' })
    const keys = async (filter: Parameters<typeof log.usage>[1]) =>
      (await log.usage('agent', filter)).map(({ key }) => key)
    expect(await keys({ agents: ['a2', 'a3'] })).toEqual(['a2'])
    expect(await keys({ agents: [] })).toEqual([])
    expect(await keys({ tenant: 'x' })).toEqual(['a1'])
    expect(await keys({ since: clock.now() })).toEqual(['a2'])
  })
})

describe('reserve', () => {
  it('returns ranges that never overlap, also after the log is opened again', async () => {
    const { log, file } = await openedLog()
    expect(await Promise.all([log.reserve('e', 10), log.reserve('e', 5), log.reserve('other', 1)])).toEqual([
      1, 11, 1,
    ])
    await log.close()
    const { log: again } = await openedLog({ file })
    expect(await again.reserve('e', 10)).toBe(16)
  })
})

describe('close', () => {
  it('writes what waits, ends readers, and refuses further calls', async () => {
    const { log, file } = await openedLog()
    await log.create(newTurn('t1'))
    log.writer('t1').push(delta('read'), usage(0))
    const reader = log.read('t1', 0)[Symbol.asyncIterator]()
    expect(await reader.next()).toMatchObject({ done: false })
    const ended = reader.next()
    log.writer('t1').push({ ...delta('kept'), trace_id: 'other' }, usage(0))
    await log.close()
    expect(await ended).toMatchObject({ value: [{ seq: 2 }] })
    expect(await reader.next()).toEqual({ done: true, value: undefined })
    await expect(log.get('t1')).rejects.toMatchObject({ fault: 'unavailable' })
    expect(() => log.writer('t1')).toThrow('closed')
    const { log: again } = await openedLog({ file })
    expect(await again.openTurns()).toMatchObject([{ turn: { turnId: 't1', lastSeq: 2 }, text: 'readkept' }])
  })
})
