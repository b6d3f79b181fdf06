import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished, vi } from 'vitest'
import type { Cluster } from '../../src/cluster/client/cluster.ts'
import { connectCluster } from '../../src/cluster/client/connect-cluster.ts'
import { rank } from '../../src/cluster/rank.ts'
import { openNatsStore } from '../../src/cluster/store/nats/nats-store.ts'
import { fakeOpenCode } from '../../src/testing/index.ts'
import { buildPackage } from '../support/built-cli.ts'
import { ClusterDaemons } from '../support/cluster-daemons.ts'
import { openEvents, openLines, type NumberedReply } from '../support/gateway-reader.ts'
import { NatsServer } from '../support/nats-server.ts'
import type { Daemon } from '../support/serve.ts'

const binary = inject('natsServer')
const ids = ['a1', 'a2', 'a3', 'a4']
const words = (count: number) => Array.from({ length: count }, (_, i) => `w${i} `)
const textOf = (replies: readonly NumberedReply[]): string =>
  replies.map((reply) => (reply.kind === 'delta' ? reply.content : '')).join('')

interface TurnOnWire {
  turn_id: string
  state: string
  last_seq: number
  session_id: string | null
  reply: { kind: string; code?: string } | null
}

describe.skipIf(binary === null)('Gateways of a cluster', async () => {
  if (binary === null) return
  const server = await NatsServer.start(binary)
  const fake = await fakeOpenCode(
    {},
    { script: [{ match: 'slow', reply: { text: words(60), chunkDelayMs: 50 } }] },
  )
  const name = randomUUID().slice(0, 8)
  let dist = ''
  let a: Daemon
  let b: Daemon
  let daemons: ClusterDaemons
  let cluster: Cluster | undefined

  beforeAll(async () => {
    dist = await buildPackage()
    daemons = new ClusterDaemons({
      cli: join(dist, 'cli.js'),
      servers: `127.0.0.1:${server.port}`,
      ...{ name, leaseMs: 3_000, binary: fake.binary },
      agents: ids.map((id) => ({ id, tenant: 'acme' })),
    })
    ;[a, b] = await Promise.all([daemons.start('host-a'), daemons.start('host-b')])
    const caller = await connectCluster({ name, connect: server.connect })
    cluster = caller
    await Promise.all(ids.map((id) => caller.turn(id, 'Hi').done))
  }, 120_000)
  afterAll(async () => {
    await cluster?.close()
    await daemons.end()
    await server.stop()
    await fake.stop()
    rmSync(dirname(dist), { recursive: true, force: true })
  }, 60_000)

  /** Returns an agent of a host. */
  const agentOn = (hostId: string): string => {
    const found = cluster?.status.places.find((place) => place.hostId === hostId)
    if (!found) throw new Error(`${hostId} owns no agent: ${JSON.stringify(cluster?.status.places)}`)
    return found.agentId
  }
  const post = async (daemon: Daemon, agent: string, body: object, headers: Record<string, string> = {}) => {
    const answer = await fetch(`${daemon.url}/v1/agents/${agent}/turns`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
    return { status: answer.status, turn: (await answer.json()) as TurnOnWire }
  }
  const get = async (daemon: Daemon, turnId: string): Promise<TurnOnWire> =>
    (await (await daemon.fetch(`/v1/turns/${turnId}`)).json()) as TurnOnWire
  const lines = (daemon: Daemon, turnId: string, after = 0) =>
    openLines({ url: `${daemon.url}/v1/turns/${turnId}/replies?after=${after}`, token: undefined })
  const ended = (daemon: Daemon, turnId: string) =>
    vi.waitUntil(
      async () => {
        const turn = await get(daemon, turnId)
        return turn.state === 'done' && turn
      },
      { timeout: 20_000, interval: 100 },
    )

  it('give the same replies with the same numbers, live and afterwards, wherever the turn runs', async () => {
    for (const host of ['host-a', 'host-b']) {
      const { status, turn } = await post(a, agentOn(host), { text: 'slow', trace_id: 'x' })
      expect(status).toBe(202)
      const readers = await Promise.all([lines(a, turn.turn_id), lines(b, turn.turn_id)])
      const [atA = [], atB = []] = await Promise.all(readers.map((reader) => reader.rest()))
      expect(textOf(atB)).toBe(words(60).join(''))
      expect(atB.at(-1)).toMatchObject({ kind: 'final', trace_id: 'x', content: words(60).join('') })
      expect(atA).toEqual(atB)
      const numbers = atB.map(({ seq }) => seq)
      expect(numbers).toEqual([...new Set(numbers)].sort((one, two) => one - two))
      expect(await (await lines(b, turn.turn_id)).rest()).toEqual(atB)
      const [rowA, rowB] = await Promise.all([ended(a, turn.turn_id), ended(b, turn.turn_id)])
      expect(rowB).toMatchObject({ state: 'done', reply: { kind: 'final' }, last_seq: numbers.at(-1) })
      for (const field of ['last_seq', 'session_id', 'reply', 'usage', 'trace_id'] as const)
        expect([field, rowA[field as 'reply']]).toEqual([field, rowB[field as 'reply']])
    }
  })

  it('let a reader go on at another gateway after the last event', async () => {
    const { turn } = await post(a, agentOn('host-a'), { text: 'slow' })
    const first = await openEvents({ url: `${a.url}/v1/turns/${turn.turn_id}/replies`, token: undefined })
    const last = await first.until(({ event }) => event === 'reply')
    first.leave()
    const second = await openEvents({
      ...{ url: `${b.url}/v1/turns/${turn.turn_id}/replies`, token: undefined },
      headers: { 'last-event-id': last.id ?? '' },
    })
    const events = await second.rest()
    const replies = events.filter(({ event }) => event === 'reply').map(({ data }) => data as NumberedReply)
    expect(textOf([last.data, ...replies])).toBe(words(60).join(''))
    expect(events.at(-1)).toMatchObject({ event: 'reply', data: { kind: 'final' } })
    expect(events.find(({ event }) => event === 'status')).toBeDefined()
  })

  it('take the answer to a request of a turn that another gateway has taken', async () => {
    const { turn } = await post(a, agentOn('host-a'), { text: 'permission', on_permission: 'ask' })
    const items = async (daemon: Daemon) =>
      (
        (await (await daemon.fetch('/v1/requests')).json()) as {
          items: { turn_id: string; request: { id: string } }[]
        }
      ).items
    const open = await vi.waitUntil(
      async () => (await items(b)).find((item) => item.turn_id === turn.turn_id),
      {
        timeout: 15_000,
      },
    )
    expect(open).toMatchObject({
      agent_id: agentOn('host-a'),
      tenant: 'acme',
      request: { type: 'permission' },
    })
    const path = `/v1/requests/${open.request.id}/answer`
    expect((await b.fetch(path, { body: { reply: 'once' } })).status).toBe(204)
    expect((await b.fetch(path, { body: { reply: 'once' } })).status).toBe(409)
    const replies = await (await lines(b, turn.turn_id)).rest()
    expect(replies.find(({ kind }) => kind === 'tool_result')).toMatchObject({ success: true })
    expect(replies.at(-1)).toMatchObject({ kind: 'final' })
    expect(await items(a)).toEqual([])
  })

  it('tell the states and the events of agents on other hosts', async () => {
    const agent = agentOn('host-a')
    const read = async (daemon: Daemon) =>
      (await (await daemon.fetch(`/v1/agents/${agent}`)).json()) as { status: { state: string } }
    await using events = await openEvents({ url: `${b.url}/v1/events`, token: undefined })
    await post(a, agent, { text: 'Hi' })
    const ended = await events.until(({ event }) => event === 'turn.ended')
    expect(ended.data).toMatchObject({ agent_id: agent, host_id: 'host-a', code: 'final' })
    expect((await read(b)).status).toMatchObject({ state: 'healthy', host_id: 'host-a' })
    expect((await read(a)).status).not.toHaveProperty('host_id')
  })

  it('cancel a turn that another gateway has taken', async () => {
    const { turn } = await post(a, agentOn('host-a'), { text: 'slow' })
    const reader = await lines(b, turn.turn_id)
    await reader.until(({ kind }) => kind === 'delta')
    expect((await b.fetch(`/v1/turns/${turn.turn_id}/cancel`, { method: 'POST' })).status).toBe(202)
    expect((await reader.rest()).at(-1)).toMatchObject({ kind: 'error', code: 'cancelled' })
    expect((await ended(a, turn.turn_id)).reply).toMatchObject({ code: 'cancelled' })
  })

  it('make one turn of one Idempotency-Key, and refuse another body', async () => {
    const key = { 'idempotency-key': randomUUID() }
    const agent = agentOn('host-b')
    const posts = await Promise.all(
      [a, b, a, b].map((daemon) => post(daemon, agent, { text: 'once only' }, key)),
    )
    expect(new Set(posts.map(({ turn }) => turn.turn_id)).size).toBe(1)
    const [{ turn } = { turn: undefined }] = posts
    const ends = await Promise.all([ended(a, turn?.turn_id ?? ''), ended(b, turn?.turn_id ?? '')])
    expect(ends[0].reply).toEqual(ends[1].reply)
    const prompts = fake.requests.filter(
      ({ url, body }) => /ses_/.test(url) && JSON.stringify(body ?? '').includes('once only'),
    )
    expect(prompts).toHaveLength(1)
    const other = { 'idempotency-key': randomUUID() }
    const first = await post(a, agent, { text: 'Hi' }, other)
    expect((await post(b, agent, { text: 'another body' }, other)).status).toBe(422)
    expect((await post(b, agent, { text: 'Hi' }, other)).turn.turn_id).toBe(first.turn.turn_id)
  })

  it('answer as models of OpenAI, and name the host of an agent whose sessions are asked for', async () => {
    const agent = agentOn('host-a')
    const answer = await b.fetch('/openai/v1/chat/completions', {
      body: { model: agent, messages: [{ role: 'user', content: 'Hi' }] },
    })
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({ model: agent, choices: [{ finish_reason: 'stop' }] })
    const elsewhere = await b.fetch(`/v1/agents/${agent}/sessions`)
    expect(elsewhere.status).toBe(409)
    expect(await elsewhere.json()).toMatchObject({ detail: expect.stringContaining('host-a') as string })
    expect((await a.fetch(`/v1/agents/${agent}/sessions`)).status).toBe(200)
    for (const id of ['no-such-turn', '*', '%3E']) expect((await b.fetch(`/v1/turns/${id}`)).status).toBe(404)
  })

  it('delete an agent everywhere: its home on another host, and the replies of a turn that runs there, when it ends', async () => {
    const hosts = ['host-a', 'host-b'].map((id) => ({ id, record: { max: 16, used: 0 } }))
    const agentId =
      Array.from({ length: 50 }, (_, i) => `gone${i}`).find(
        (id) => rank(`acme.${id}`, hosts, null)[0] === 'host-b',
      ) ?? ''
    const path = `/v1/agents/${agentId}`
    expect((await a.fetch(path, { method: 'PUT', body: { tenant: 'acme' } })).status).toBe(201)
    await vi.waitUntil(async () => (await b.fetch(path)).status === 200, { timeout: 15_000 })
    const { turn } = await post(a, agentId, { text: 'slow' })
    const reader = await lines(b, turn.turn_id)
    await reader.until(({ kind }) => kind === 'delta')
    expect(daemons.hasHome('host-b', agentId)).toBe(true)
    const query = '?delete_home=true&drain_ms=20000'
    expect((await a.fetch(`${path}${query}`, { method: 'DELETE' })).status).toBe(204)
    expect(daemons.hasHome('host-b', agentId)).toBe(true)
    const store = await openNatsStore({ name, connect: server.connect, mayProvision: false })
    onTestFinished(() => store.close())
    const agent = { tenant: 'acme', agentId }
    await vi.waitUntil(async () => !(await store.inbox.next(agent, 0)), { timeout: 20_000, interval: 50 })
    const stored: string[] = []
    for await (const { batch } of store.records.read(agent, turn.turn_id, 0))
      stored.push(JSON.stringify(batch.records))
    expect(stored).toEqual(['[{"kind":"erased"}]'])
    await vi.waitUntil(() => !daemons.hasHome('host-b', agentId), { timeout: 10_000 })
    for (const daemon of [a, b]) expect((await daemon.fetch(path)).status).toBe(404)
  })

  it('end no turn when one is killed: a reader goes on at another one, and has each reply once', async () => {
    const { turn } = await post(a, agentOn('host-b'), { text: 'slow' })
    const atA = await lines(a, turn.turn_id)
    const atB = await lines(b, turn.turn_id)
    const seen: NumberedReply[] = []
    while (textOf(seen).length < 20) seen.push((await atA.next()) as NumberedReply)
    a.kill('SIGKILL')
    await a.ended
    const rest = await (await lines(b, turn.turn_id, seen.at(-1)?.seq)).rest()
    const whole = await atB.rest()
    expect([...seen, ...rest]).toEqual(whole)
    expect(textOf(whole)).toBe(words(60).join(''))
    expect(whole.at(-1)).toMatchObject({ kind: 'final' })
    a = await daemons.start('host-a')
    const row = await ended(a, turn.turn_id)
    expect(row).toMatchObject({ reply: { kind: 'final' }, last_seq: whole.at(-1)?.seq })
    expect(await (await lines(a, turn.turn_id)).rest()).toEqual(whole)
  })

  it('end no turn when one is stopped: its host drains, and waiting agents live elsewhere', async () => {
    const { turn } = await post(a, agentOn('host-b'), { text: 'slow' })
    await (await lines(b, turn.turn_id)).next()
    a.kill('SIGTERM')
    await vi.waitUntil(async () => (await a.fetch('/readyz').catch(() => undefined))?.status !== 200, {
      timeout: 15_000,
    })
    expect(await a.ended).toBe(0)
    expect((await ended(b, turn.turn_id)).reply).toMatchObject({ kind: 'final' })
    expect(cluster?.status.hosts.map(({ id }) => id)).toEqual(['host-b'])
  })

  it('are not ready while NATS is away', async () => {
    expect((await b.fetch('/readyz')).status).toBe(200)
    await server.kill()
    const ready = async () => (await b.fetch('/readyz')).status
    await vi.waitUntil(async () => (await ready()) === 503, { timeout: 10_000 })
    await server.resume()
    await vi.waitUntil(async () => (await ready()) === 200, { timeout: 15_000 })
  })
})
