import { assert, asyncProperty, array, constantFrom, nat, record, string } from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { LoggedReply, TurnLog } from '../../../../src/gateway/turns/turn-log.ts'
import type { Reply } from '../../../../src/replies.ts'
import { liveHeap } from '../../../support/heap.ts'
import { joined } from '../../../support/replies.ts'
import {
  copyOf,
  delta,
  endedTurn,
  final,
  newTurn,
  openedLog,
  readAll,
  usage,
} from '../../../support/turn-log.ts'

const call = (n: number): Reply => ({
  kind: 'tool_call',
  trace_id: null,
  call_id: `c${n}`,
  tool: 't',
  args: { n },
})

/** Reader that goes away after some replies, and comes back for the rest. */
async function returningReader(
  log: TurnLog,
  turnId: string,
  stays: readonly number[],
): Promise<LoggedReply[]> {
  const replies: LoggedReply[] = []
  const isOver = () => replies.at(-1)?.reply.kind === 'final'
  for (let i = 0; !isOver(); i++) {
    const end = replies.length + (stays[i % stays.length] ?? 0)
    for await (const batch of log.read(turnId, replies.at(-1)?.seq ?? 0)) {
      replies.push(...batch)
      if (replies.length > end) break
    }
  }
  return replies
}

const step = record({
  what: constantFrom('delta', 'delta', 'call', 'pause', 'flush'),
  text: string({ maxLength: 5 }),
})

describe('readers of a turn', { timeout: 30_000 }, () => {
  it('that come, go and return get each reply once, in order, and the joined deltas are the text', async () => {
    const { log } = await openedLog()
    let turns = 0
    await assert(
      asyncProperty(
        array(step, { maxLength: 40 }),
        array(array(nat(6), { minLength: 1, maxLength: 4 }), { maxLength: 5 }),
        async (steps, readers) => {
          const turnId = `t${turns++}`
          await log.create(newTurn(turnId))
          const writer = log.writer(turnId)
          const reading = readers.map((stays) => returningReader(log, turnId, stays))
          for (const [n, { what, text }] of steps.entries()) {
            if (what === 'delta') writer.push(delta(text), usage(n))
            if (what === 'call') writer.push(call(n), usage(n))
            if (what === 'pause') await new Promise((resolve) => setImmediate(resolve))
            if (what === 'flush') await writer.flushed()
          }
          const text = steps.map((s) => (s.what === 'delta' ? s.text : '')).join('')
          writer.push(final(text), usage(1))
          const late = await readAll(log, turnId)
          for (const replies of [...(await Promise.all(reading)), late]) {
            expect(replies.map(({ seq }) => seq)).toEqual(replies.map((_, i) => i + 1))
            expect(replies).toEqual(late)
          }
          expect(joined(late.map(({ reply }) => reply))).toBe(text)
          const calls = late.flatMap(({ reply }) => (reply.kind === 'tool_call' ? [reply.args['n']] : []))
          expect(calls).toEqual(steps.flatMap((s, n) => (s.what === 'call' ? [n] : [])))
        },
      ),
      { numRuns: 60 },
    )
  })

  it('that do not read get the rest from the store when they go on', async () => {
    const { log } = await openedLog()
    await log.create(newTurn('t1'))
    const writer = log.writer('t1')
    const stalled = log.read('t1', 0)[Symbol.asyncIterator]()
    writer.push(call(0), usage(0))
    const first = await stalled.next()
    for (let n = 1; n <= 20_000; n++) {
      writer.push(call(n), usage(0))
      if (n % 1_000 === 0) await writer.flushed()
    }
    writer.push(final('end'), usage(1))
    await writer.flushed()
    const replies = first.done ? [] : [...first.value]
    for (let next = await stalled.next(); !next.done; next = await stalled.next()) replies.push(...next.value)
    expect(replies.map(({ seq }) => seq)).toEqual(Array.from({ length: 20_002 }, (_, i) => i + 1))
  })

  it('that do not read keep no text of an ended turn alive', async () => {
    const { log } = await openedLog()
    await log.create(newTurn('t1'))
    const stalled = log.read('t1', 0)[Symbol.asyncIterator]()
    log.writer('t1').push(call(0), usage(0))
    await stalled.next()
    const before = await liveHeap()
    for (let n = 0; n < 4; n++) log.writer('t1').push(call(n), usage(0))
    await log.writer('t1').flushed()
    log.writer('t1').push(final('x'.repeat(20_000_000)), usage(1))
    await log.writer('t1').flushed()
    expect((await liveHeap()) - before).toBeLessThan(2_000_000)
    let last: LoggedReply | undefined
    for (let next = await stalled.next(); !next.done; next = await stalled.next()) last = next.value.at(-1)
    expect(last).toMatchObject({ seq: 6, reply: { kind: 'final' } })
  })

  it('that stop while a turn ends without its texts get nothing further', async () => {
    const { log } = await openedLog()
    await log.create(newTurn('t1'))
    const stalled = log.read('t1', 0)[Symbol.asyncIterator]()
    log.writer('t1').push(delta('a'), usage(0))
    await stalled.next()
    await log.erase({ agentId: 'a1', tenant: 't1' })
    log.writer('t1').push(final('a'), usage(1))
    await log.writer('t1').flushed()
    expect(await stalled.next()).toEqual({ done: true, value: undefined })
  })

  it('share the batches of live replies', async () => {
    const { log } = await openedLog()
    await log.create(newTurn('t1'))
    const readers = [1, 2].map(() => log.read('t1', 0)[Symbol.asyncIterator]())
    const next = readers.map((reader) => reader.next())
    log.writer('t1').push(delta('a'), usage(0))
    const [a, b] = await Promise.all(next)
    expect(a?.value).toBe(b?.value)
    for (const reader of readers) await reader.return?.(undefined)
  })

  it('share the pages of stored replies', async () => {
    const { log } = await openedLog()
    await endedTurn(log, 't1', 'text')
    const pages = await Promise.all(
      [0, 0].map((after) => log.read('t1', after)[Symbol.asyncIterator]().next()),
    )
    expect(pages[0]?.value).toHaveLength(2)
    expect(pages[0]?.value).toBe(pages[1]?.value)
  })

  it('wait for a reply that does not exist yet, and end with their signal', async () => {
    const { log } = await openedLog()
    await log.create(newTurn('t1'))
    const abort = new AbortController()
    const reader = log.read('t1', 7, abort.signal)[Symbol.asyncIterator]()
    const next = reader.next()
    log.writer('t1').push(delta('a'), usage(0))
    await log.writer('t1').flushed()
    abort.abort()
    expect(await next).toEqual({ done: true, value: undefined })
    expect(await log.read('t1', 0, abort.signal)[Symbol.asyncIterator]().next()).toMatchObject({ done: true })
  })

  it('of an ended turn get only what is after their number; of an unknown turn nothing', async () => {
    const { log } = await openedLog()
    await endedTurn(log, 't1', 'text')
    expect(await readAll(log, 't1', 1)).toEqual([{ seq: 2, reply: final('text') }])
    expect(await readAll(log, 't1', 2)).toEqual([])
    expect(await readAll(log, 't1', 99)).toEqual([])
    expect(await readAll(log, 'unknown')).toEqual([])
  })

  it('see only what is durable: a copy of the files has each reply that a reader has', async () => {
    const { log, file } = await openedLog()
    await log.create(newTurn('t1'))
    const reader = log.read('t1', 0)[Symbol.asyncIterator]()
    const next = reader.next()
    log.writer('t1').push(delta('told'), usage(0))
    await next
    const copy = copyOf(file)
    const { log: other } = await openedLog({ file: copy })
    expect(await other.openTurns()).toMatchObject([{ text: 'told' }])
    await reader.return?.(undefined)
  })
})
