import { randomBytes, randomUUID } from 'node:crypto'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import {
  mostParcelBytes,
  type AgentKey,
  type ClusterStore,
  type EntryChange,
  type MailNews,
  type RecordBatch,
  type StoredBatch,
} from '../../src/cluster/store/cluster-store.ts'
import type { PlaceRecord } from '../../src/cluster/store/records.ts'

/** Returns a connection to the store of a test's own cluster. */
export type ConnectStore = () => Promise<ClusterStore>

const agent: AgentKey = { tenant: 'acme', agentId: 'a1' }
const place = (epoch: number, hostId: string | null = 'h1'): PlaceRecord => ({
  epoch,
  hostId,
  incarnation: hostId && 'i1',
  last: null,
})
const batch = (epoch: number, first: number, ...records: unknown[]): RecordBatch => ({
  epoch,
  first,
  records,
})

const until = (check: () => void) => vi.waitFor(check, { timeout: 20_000, interval: 10 })

/** Signal that aborts when the test has finished. */
function testSignal(): AbortSignal {
  const controller = new AbortController()
  onTestFinished(() => controller.abort())
  return controller.signal
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

/**
 * Describes what each store of a cluster does.
 *
 * @param open - Opens a new, empty cluster, and returns a function that connects to the cluster.
 */
export function describeClusterStore(name: string, open: () => ConnectStore): void {
  const twoOf = async () => {
    const connect = open()
    return [await connect(), await connect()] as const
  }

  describe(`${name}: a register`, () => {
    it('sets, reads and deletes values by compare-and-set', async () => {
      const [one, two] = await twoOf()
      expect(await one.places.get('acme.a1')).toBeUndefined()
      const first = await one.places.set('acme.a1', place(1), 0)
      expect(await two.places.get('acme.a1')).toEqual({ key: 'acme.a1', value: place(1), revision: first })
      const second = await two.places.set('acme.a1', place(2, 'h2'), first)
      expect(second).toBeGreaterThan(first)
      await expect(one.places.set('acme.a1', place(3), first)).rejects.toMatchObject({ fault: 'stale' })
      await expect(one.places.set('acme.a1', place(3), 0)).rejects.toMatchObject({ fault: 'stale' })
      await expect(one.places.delete('acme.a1', first)).rejects.toMatchObject({ fault: 'stale' })
      await one.places.delete('acme.a1', second)
      expect(await two.places.get('acme.a1')).toBeUndefined()
      expect(await two.places.set('acme.a1', place(9), 0)).toBeGreaterThan(second)
    })

    it('lets exactly one of many writers set a value', async () => {
      const [one, two] = await twoOf()
      const writes = Array.from({ length: 20 }, (_, i) => (i % 2 ? one : two).places.set('t.a', place(i), 0))
      const outcomes = await Promise.allSettled(writes)
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      for (const outcome of outcomes)
        if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ fault: 'stale' })
    })

    it('emits what is there, and then each change, in order', async () => {
      const [one, two] = await twoOf()
      const first = await one.places.set('acme.a1', place(1), 0)
      await one.places.set('acme.a2', place(1), 0)
      const seen: EntryChange<PlaceRecord>[] = []
      const signal = testSignal()
      await two.places.watch((change) => seen.push(change), signal)
      await until(() => expect(seen.map(({ key }) => key).sort()).toEqual(['acme.a1', 'acme.a2']))
      const second = await one.places.set('acme.a1', place(2), first)
      await one.places.delete('acme.a1', second)
      await until(() => expect(seen).toHaveLength(4))
      expect(seen.slice(2).map(({ value }) => value?.epoch)).toEqual([2, undefined])
    })

    it('of turns and of requests is opened by its first use', async () => {
      const [one, two] = await twoOf()
      const list = { ...agent, epoch: 1, open: [] }
      const revision = await one.requests.set('t1', list, 0)
      await expect(two.requests.set('t1', list, 0)).rejects.toMatchObject({ fault: 'stale' })
      expect((await two.requests.get('t1'))?.value).toEqual(list)
      await two.requests.delete('t1', revision)
      expect(await one.turns.get('t1')).toBeUndefined()
    })

    it('that is empty has emitted all present values at once', async () => {
      const [one] = await twoOf()
      await one.homes.watch(() => undefined, testSignal())
    })
  })

  describe(`${name}: an inbox`, () => {
    it('keeps the messages of an agent in order, apart from those of others, until the turn is removed', async () => {
      const [one, two] = await twoOf()
      const other = { tenant: 'acme', agentId: 'a2' }
      await one.inbox.add(agent, 't1', { type: 'turn', turn: { text: 'Hello' } })
      await one.inbox.add(other, 't2', { type: 'turn', turn: {} })
      await one.inbox.add(agent, 't1', { type: 'cancel' })
      await one.inbox.add(agent, 't3', { type: 'turn', turn: {} })
      const mails = []
      for (let mail = await two.inbox.next(agent, 0); mail; mail = await two.inbox.next(agent, mail.seq))
        mails.push(mail)
      expect(mails.map(({ turnId, message }) => [turnId, message.type])).toEqual([
        ['t1', 'turn'],
        ['t1', 'cancel'],
        ['t3', 'turn'],
      ])
      expect(mails[0]?.message).toEqual({ type: 'turn', turn: { text: 'Hello' } })
      expect(mails[0]?.at).toBeGreaterThan(Date.parse('2026-01-01'))
      expect(new Set((await two.inbox.agents()).map(({ agentId }) => agentId))).toEqual(new Set(['a1', 'a2']))
      await two.inbox.remove(agent, 't1')
      expect(await one.inbox.next(agent, 0)).toMatchObject({ turnId: 't3' })
      await two.inbox.remove(agent, 't3')
      expect(await one.inbox.next(agent, 0)).toBeUndefined()
      expect(await one.inbox.agents()).toEqual([other])
    })

    it('removes the messages of a turn up to a number', async () => {
      const [one] = await twoOf()
      await one.inbox.add(agent, 't1', { type: 'cancel' })
      const early = await one.inbox.next(agent, 0)
      await one.inbox.add(agent, 't1', { type: 'turn', turn: {} })
      await one.inbox.add(agent, 't1', { type: 'cancel' })
      await one.inbox.remove(agent, 't1', early?.seq)
      const turn = await one.inbox.next(agent, 0)
      expect(turn?.message.type).toBe('turn')
      const cancel = await one.inbox.next(agent, turn?.seq ?? 0)
      expect(cancel?.message.type).toBe('cancel')
      await one.inbox.remove(agent, 't1', turn?.seq)
      expect(await one.inbox.next(agent, 0)).toEqual(cancel)
    })

    it('tells what is in the inboxes of some agents, without the contents', async () => {
      const [one, two] = await twoOf()
      const others = ['a2', 'a3'].map((agentId) => ({ tenant: 'acme', agentId }))
      const [second = agent, third = agent] = others
      await one.inbox.add(agent, 't1', { type: 'turn', turn: { deadlineMs: 500, input: { text: 'x' } } })
      await one.inbox.add(second, 't2', { type: 'turn', turn: {} })
      await one.inbox.add(third, 't3', { type: 'turn', turn: {} })
      await one.inbox.add(agent, 't1', { type: 'cancel' })
      const heads = await two.inbox.heads([agent, second])
      expect(
        heads.map(({ agent: { agentId }, turnId, type, deadlineMs }) => [agentId, turnId, type, deadlineMs]),
      ).toEqual([
        ['a1', 't1', 'turn', 500],
        ['a2', 't2', 'turn', null],
        ['a1', 't1', 'cancel', null],
      ])
      const mail = await two.inbox.next(agent, 0)
      expect(heads[0]).toMatchObject({ seq: mail?.seq, at: mail?.at })
      const many = Array.from({ length: 150 }, (_, i) => ({ tenant: 'beta', agentId: `b${i}` }))
      expect(await two.inbox.heads([...many, third])).toMatchObject([{ agent: third, turnId: 't3' }])
      expect(await two.inbox.heads([{ tenant: 'beta', agentId: 'none' }])).toEqual([])
    })

    it('takes the id of a turn once', async () => {
      const [one, two] = await twoOf()
      expect(await one.inbox.add(agent, 't1', { type: 'turn', turn: {} })).toEqual({ isDuplicate: false })
      expect(await two.inbox.add(agent, 't1', { type: 'turn', turn: {} })).toEqual({ isDuplicate: true })
      await two.inbox.remove(agent, 't1')
      expect(await two.inbox.add(agent, 't1', { type: 'turn', turn: {} })).toEqual({ isDuplicate: true })
    })

    it('takes the id of a turn once for each tenant, whatever the agent is', async () => {
      const [one, two] = await twoOf()
      const add = (of: AgentKey) => two.inbox.add(of, 't1', { type: 'turn', turn: {} })
      await one.inbox.add(agent, 't1', { type: 'turn', turn: {} })
      expect(await add({ tenant: 'acme', agentId: 'a2' })).toEqual({ isDuplicate: true })
      expect(await add({ tenant: 'beta', agentId: 'b1' })).toEqual({ isDuplicate: false })
      expect(await add({ tenant: 'beta', agentId: 'b1' })).toEqual({ isDuplicate: true })
    })

    it('is full with 64 turns, takes answers still, and another agent’s turns', async () => {
      const [one] = await twoOf()
      for (let i = 0; i < 64; i++) await one.inbox.add(agent, `t${i}`, { type: 'turn', turn: {} })
      const next = one.inbox.add(agent, 'last', { type: 'turn', turn: {} })
      await expect(next).rejects.toMatchObject({ fault: 'full' })
      await one.inbox.add(agent, 't0', { type: 'answer', requestId: 'r', answer: 'once' })
      await one.inbox.add({ tenant: 'acme', agentId: 'a2' }, 'other', { type: 'turn', turn: {} })
    })

    it('emits the agent and the number of each message', async () => {
      const [one, two] = await twoOf()
      const news: MailNews[] = []
      two.inbox.watch((each) => news.push(each), testSignal())
      await two.inbox.agents()
      await one.inbox.add(agent, 't1', { type: 'turn', turn: {} })
      await one.inbox.add(agent, 't1', { type: 'cancel' })
      await until(() => expect(news).toHaveLength(2))
      const mail = await one.inbox.next(agent, 0)
      expect(news).toEqual([
        { agent, seq: mail?.seq, isTurn: true },
        { agent, seq: (mail?.seq ?? 0) + 1, isTurn: false },
      ])
    })
  })

  describe(`${name}: the log of records`, () => {
    it('appends after the last batch only, and reads from any batch on', async () => {
      const [one, two] = await twoOf()
      expect(await one.records.last(agent, 't1')).toBeUndefined()
      const first = await one.records.append(agent, 't1', batch(1, 1, 'a', 'b'), 0)
      await expect(two.records.append(agent, 't1', batch(2, 1, 'x'), 0)).rejects.toMatchObject({
        fault: 'stale',
      })
      await one.records.append(agent, 'other', batch(1, 1, 'z'), 0)
      const second = await two.records.append(agent, 't1', { ...batch(2, 3, 'c'), isLast: true }, first)
      await expect(one.records.append(agent, 't1', batch(1, 3, 'd'), first)).rejects.toMatchObject({
        fault: 'stale',
      })
      expect(await one.records.last(agent, 't1')).toMatchObject({
        seq: second,
        batch: { epoch: 2, isLast: true },
      })
      expect(await all(one.records.read(agent, 't1', 0))).toEqual([
        { seq: first, previous: 0, batch: batch(1, 1, 'a', 'b') },
        { seq: second, previous: first, batch: { ...batch(2, 3, 'c'), isLast: true } },
      ])
      expect((await all(two.records.read(agent, 't1', first))).map(({ seq }) => seq)).toEqual([second])
      expect(await all(two.records.read(agent, 't1', second))).toEqual([])
      expect(await all(two.records.read(agent, 'unknown', 0))).toEqual([])
    })

    it('lists the turns of an agent, and keeps the last batch of one alone', async () => {
      const [one, two] = await twoOf()
      const other = { tenant: 'acme', agentId: 'a12' }
      const first = await one.records.append(agent, 't1', batch(1, 1, 'a'), 0)
      const last = await one.records.append(agent, 't1', batch(1, 2, 'b'), first)
      await one.records.append(agent, 't2', batch(1, 1, 'a'), 0)
      await one.records.append(other, 't3', batch(1, 1, 'a'), 0)
      expect((await two.records.turns(agent)).sort()).toEqual(['t1', 't2'])
      await two.records.keepLast(agent, 't1')
      expect((await all(one.records.read(agent, 't1', 0))).map(({ seq }) => seq)).toEqual([last])
      expect(await all(one.records.read(agent, 't2', 0))).toHaveLength(1)
      await expect(one.records.append(agent, 't1', batch(1, 3, 'c'), 0)).rejects.toMatchObject({
        fault: 'stale',
      })
      await one.records.keepLast(agent, 'unknown')
      expect(await two.records.turns({ tenant: 'acme', agentId: 'none' })).toEqual([])
    })

    it('finds the agent of a turn that has a record', async () => {
      const [one, two] = await twoOf()
      expect(await two.records.find('t1')).toBeUndefined()
      await one.records.append(agent, 't1', batch(1, 1, 'a'), 0)
      await one.records.append({ tenant: 'acme', agentId: 'a2' }, 't2', batch(1, 1, 'a'), 0)
      expect(await two.records.find('t1')).toEqual(agent)
      expect(await two.records.find('1')).toBeUndefined()
    })

    it('keeps turns of two tenants with one id apart, and finds the one that has begun first', async () => {
      const [one, two] = await twoOf()
      const other = { tenant: 'beta', agentId: 'a1' }
      const first = await one.records.append(agent, 't1', batch(1, 1, 'a'), 0)
      const second = await two.records.append(other, 't1', batch(1, 1, 'b'), 0)
      await one.records.append(agent, 't1', batch(1, 2, 'c'), first)
      await two.records.append(other, 't1', batch(1, 2, 'd'), second)
      const textsOf = async (of: AgentKey) =>
        (await all(one.records.read(of, 't1', 0))).flatMap((stored) => stored.batch.records)
      expect([await textsOf(agent), await textsOf(other)]).toEqual([
        ['a', 'c'],
        ['b', 'd'],
      ])
      expect(await two.records.find('t1')).toEqual(agent)
      expect(await two.records.find('t1', 'beta')).toEqual(other)
      expect(await two.records.find('t1', 'gamma')).toBeUndefined()
    })

    it('reads more than one pull takes', async () => {
      const [one] = await twoOf()
      const text = 'x'.repeat(200_000)
      let previous = 0
      for (let first = 1; first <= 30; first++)
        previous = await one.records.append(agent, 't1', batch(1, first, text), previous)
      const read = await all(one.records.read(agent, 't1', 0))
      expect(read.map(({ batch: { first } }) => first)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1))
      expect(read.at(-1)?.seq).toBe(previous)
    })

    it('emits stored batches of one turn, each with the number of the one before, and no refused batch', async () => {
      const [one, two] = await twoOf()
      const seen: StoredBatch[] = []
      two.records.watch(agent, 't1', (stored) => seen.push(stored), testSignal())
      await two.records.last(agent, 't1')
      const first = await one.records.append(agent, 't1', batch(1, 1, 'a'), 0)
      await one.records.append(agent, 't2', batch(1, 1, 'other'), 0)
      await one.records.append(agent, 't1', batch(1, 2, 'refused'), 0).catch(() => undefined)
      const second = await one.records.append(agent, 't1', batch(1, 2, 'b'), first)
      await until(() => expect(seen).toHaveLength(2))
      expect(seen).toEqual([
        { seq: first, previous: 0, batch: batch(1, 1, 'a') },
        { seq: second, previous: first, batch: batch(1, 2, 'b') },
      ])
    })
  })

  describe(`${name}: the contents of large turns`, () => {
    const bytesOf = (size: number) => Buffer.alloc(size, 'x')

    it('keep a content of many parts until it is removed, apart from those of other turns', async () => {
      const [one, two] = await twoOf()
      const bytes = randomBytes(3_000_001)
      const other = { tenant: 'beta', agentId: 'a1' }
      const parcel = await one.parcels.put(agent, 't1', bytes)
      const others = [
        await one.parcels.put(other, 't1', bytesOf(10)),
        await one.parcels.put(agent, 't2', bytesOf(20)),
      ] as const
      const read = await two.parcels.get(agent, 't1', parcel)
      expect(read && Buffer.compare(read, bytes)).toBe(0)
      await two.parcels.remove(agent, 't1')
      expect(await two.parcels.get(agent, 't1', parcel)).toBeUndefined()
      expect(await two.parcels.get(other, 't1', others[0])).toHaveLength(10)
      expect(await two.parcels.get(agent, 't2', others[1])).toHaveLength(20)
    })

    it('keep the content of each attempt apart, and none that is not whole', async () => {
      const [one, two] = await twoOf()
      const first = await one.parcels.put(agent, 't1', bytesOf(600_000))
      const second = await two.parcels.put(agent, 't1', Buffer.alloc(600_000, 'y'))
      expect(await two.parcels.put(agent, 't1', bytesOf(600_000))).toEqual(first)
      expect(String(await two.parcels.get(agent, 't1', first))).toBe('x'.repeat(600_000))
      expect(String(await one.parcels.get(agent, 't1', second))).toBe('y'.repeat(600_000))
      expect(await one.parcels.get(agent, 't1', { ...first, bytes: 2_000_000 })).toBeUndefined()
      await one.parcels.remove(agent, 't1')
      for (const parcel of [first, second]) expect(await one.parcels.get(agent, 't1', parcel)).toBeUndefined()
    })

    it('have a limit', async () => {
      const [one] = await twoOf()
      const put = one.parcels.put(agent, 't1', bytesOf(mostParcelBytes + 1))
      await expect(put).rejects.toMatchObject({ fault: 'too_large' })
    })
  })

  describe(`${name}: the reports`, () => {
    it('reach all who watch, in order, and nobody who comes later', async () => {
      const [one, two] = await twoOf()
      const [early, late] = [[] as unknown[], [] as unknown[]]
      two.reports.watch((hostId, report) => early.push([hostId, report]), testSignal())
      // The subscription has reached the store.
      await two.records.last(agent, 't1')
      expect(one.reports.send('h1', { n: 1 })).toBe(true)
      expect(one.reports.send('h1', { n: 2, text: 'ä' })).toBe(true)
      await until(() => expect(early).toHaveLength(2))
      two.reports.watch((hostId, report) => late.push([hostId, report]), testSignal())
      await two.records.last(agent, 't1')
      one.reports.send('h2', { n: 3 })
      await until(() => expect(late).toEqual([['h2', { n: 3 }]]))
      expect(early).toEqual([
        ['h1', { n: 1 }],
        ['h1', { n: 2, text: 'ä' }],
        ['h2', { n: 3 }],
      ])
    })

    it('are asked for, until the signal aborts, and are lost on a closed connection', async () => {
      const [one, two] = await twoOf()
      let asked = 0
      const over = new AbortController()
      two.reports.onAsk(() => asked++, testSignal())
      two.reports.onAsk(() => asked++, over.signal)
      await two.records.last(agent, 't1')
      one.reports.ask()
      await until(() => expect(asked).toBe(2))
      over.abort()
      one.reports.ask()
      await until(() => expect(asked).toBe(3))
      await one.close()
      one.reports.ask()
      expect(one.reports.send('h1', {})).toBe(false)
    })
  })

  describe(`${name}: the objects`, () => {
    it('keep bytes by name', async () => {
      const [one, two] = await twoOf()
      // Larger than one part of an object, and than a message.
      const bytes = Buffer.concat(
        Array.from({ length: 40 }, () => crypto.getRandomValues(new Uint8Array(50_000))),
      )
      const object = `a1.1.${randomUUID()}`
      expect(await one.objects.get(object)).toBeUndefined()
      await one.objects.put(object, bytes)
      expect(Buffer.compare((await two.objects.get(object)) ?? new Uint8Array(), bytes)).toBe(0)
      expect(await two.objects.list()).toEqual([object])
      await two.objects.put(object, bytes.subarray(0, 10))
      expect(await one.objects.get(object)).toHaveLength(10)
      await two.objects.delete(object)
      expect(await one.objects.list()).toEqual([])
    })
  })
}
