import { describe, expect, it } from 'vitest'
import type { SystemClock } from '../../../../src/actors/clock.ts'
import { FencedError, RecordWriter } from '../../../../src/cluster/actors/record-writer.ts'
import { FactJoiner } from '../../../../src/cluster/record-parts.ts'
import { ClusterStoreError } from '../../../../src/cluster/store/cluster-store.ts'
import { MemoryCluster, type MemoryStore } from '../../../../src/cluster/store/memory/memory-store.ts'
import type { TurnFact } from '../../../../src/cluster/turn-facts.ts'
import { SteppedClock } from '../../../support/stepped-clock.ts'

const agent = { tenant: 'acme', agentId: 'a1' }
const delta = (content: string): TurnFact => ({
  kind: 'reply',
  reply: { kind: 'delta', trace_id: null, content },
})
const end: TurnFact = {
  kind: 'reply',
  reply: { kind: 'error', trace_id: null, error: 'No', code: 'internal', retryable: false },
}

function world() {
  const cluster = new MemoryCluster()
  const clock = new SteppedClock()
  const writer = (store: MemoryStore, epoch: number, signal = new AbortController().signal) =>
    new RecordWriter({
      records: store.records,
      agent,
      turnId: 't1',
      hostId: `h${epoch}`,
      epoch,
      clock: clock as SystemClock,
      signal,
    })
  const batches = () => cluster.records.turns.get('acme.a1.t1') ?? []
  return { cluster, clock, writer, batches, store: cluster.connect() }
}

describe('A record writer', () => {
  it('stores facts in order, with numbers without holes, and merges neighbouring text', async () => {
    const { writer, batches, store } = world()
    const one = writer(store, 1)
    expect(await one.claim([{ kind: 'started' }])).toBe('new')
    one.push(delta('Hel'))
    one.push(delta('lo'))
    await one.flushed()
    one.push(delta(' you'))
    one.push(end)
    await one.flushed()
    expect(batches().map(({ batch }) => [batch.first, batch.records.length, batch.isLast])).toEqual([
      [1, 2, undefined],
      [3, 1, undefined],
      [4, 2, true],
    ])
    expect(batches()[1]?.batch.records).toEqual([delta('Hello')])
  })

  it('keeps the usage of the latest of merged pieces', async () => {
    const { writer, batches, store } = world()
    const one = writer(store, 1)
    await one.claim()
    const usage = { input_tokens: 1 } as never
    one.push({ ...delta('a'), usage } as TurnFact)
    one.push(delta('b'))
    await one.flushed()
    expect(batches().at(-1)?.batch.records).toEqual([{ ...delta('ab'), usage }])
  })

  it('of an earlier owner stores nothing after a later owner has claimed', async () => {
    const { writer, batches, store } = world()
    const old = writer(store, 1)
    await old.claim()
    const next = writer(store, 2)
    expect(await next.claim()).toBe('left')
    old.push(end)
    await expect(old.flushed()).rejects.toBeInstanceOf(FencedError)
    next.push(end)
    await next.flushed()
    expect(batches().map(({ batch }) => [batch.epoch, batch.first])).toEqual([
      [1, 1],
      [2, 2],
      [2, 3],
    ])
    expect(await writer(store, 3).claim()).toBe('ended')
    await expect(writer(store, 1).claim()).resolves.toBe('ended')
  })

  it('of an earlier owner cannot claim a turn that a later owner has', async () => {
    const { writer, store } = world()
    await writer(store, 2).claim()
    await expect(writer(store, 1).claim()).rejects.toBeInstanceOf(FencedError)
  })

  it('stores each fact once if acknowledgements are lost', async () => {
    const { writer, batches, store, clock } = world()
    const one = writer(store, 1)
    store.link.losesAnswers = true
    const claiming = one.claim()
    await clock.advance(50)
    store.link.losesAnswers = false
    await clock.advance(100)
    expect(await claiming).toBe('new')
    store.link.losesAnswers = true
    one.push(delta('a'))
    await clock.advance(450)
    one.push(end)
    store.link.losesAnswers = false
    await clock.advance(200)
    await one.flushed()
    expect(batches().map(({ batch }) => batch.records.length)).toEqual([1, 1, 1])
  })

  it('waits for a store that has no room', async () => {
    const { writer, batches, store, clock } = world()
    const one = writer(store, 1)
    await one.claim()
    const append = store.records.append.bind(store.records)
    store.records.append = () => Promise.reject(new ClusterStoreError('no_room', 'The disk is full'))
    one.push(end)
    await clock.advance(1_000)
    store.records.append = append
    await clock.advance(1_000)
    await one.flushed()
    expect(batches().at(-1)?.batch.isLast).toBe(true)
  })

  it('does not take the end of an earlier run for its own batch', async () => {
    const { writer, batches, store } = world()
    const one = writer(store, 1)
    await one.claim([{ kind: 'started' }])
    one.push(end)
    await one.flushed()
    expect(await writer(store, 1).claim()).toBe('ended')
    expect(batches()).toHaveLength(2)
  })

  it('marks the last part of a large terminal reply', async () => {
    const { writer, batches, store } = world()
    const one = writer(store, 1)
    await one.claim()
    const large = { ...end, reply: { ...end.reply, error: 'x'.repeat(500_000) } } as TurnFact
    one.push(large)
    await one.flushed()
    expect(batches().map(({ batch }) => batch.isLast === true)).toEqual([
      false,
      false,
      false,
      false,
      false,
      false,
      true,
    ])
    const joiner = new FactJoiner()
    expect(
      batches()
        .flatMap(({ batch }) => joiner.add(batch))
        .at(-1)?.fact,
    ).toEqual(large)
  })

  it('stops when its signal aborts, though the store does not answer', async () => {
    const { writer, batches, store, clock } = world()
    const lost = new AbortController()
    const one = writer(store, 1, lost.signal)
    await one.claim()
    store.link.cut()
    one.push(end)
    await clock.advance(1_000)
    lost.abort(new Error('lost'))
    await expect(one.flushed()).rejects.toThrow('lost')
    store.link.mend()
    await clock.advance(1_000)
    expect(batches()).toHaveLength(1)
  })
})
