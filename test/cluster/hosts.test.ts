import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished, vi } from 'vitest'
import type { AgentKey, ClusterStore, StoredBatch } from '../../src/cluster/store/cluster-store.ts'
import { openNatsStore } from '../../src/cluster/store/nats/nats-store.ts'
import type { SentTurn } from '../../src/cluster/turn-facts.ts'
import type { Reply, TerminalReply } from '../../src/replies.ts'
import { fakeOpenCode, type FakeOpenCode } from '../../src/testing/index.ts'
import { buildPackage } from '../support/built-cli.ts'
import { auditTurn } from '../support/cluster-audit.ts'
import { sentTurn } from '../support/cluster-facts.ts'
import { ClusterHostProcess } from '../support/cluster-host.ts'
import { NatsServer } from '../support/nats-server.ts'

const binary = inject('natsServer')
const leaseMs = 3_000
const ids = ['a1', 'a2', 'a3', 'a4', 'a5']
const agents = ids.map((id) => ({ id, tenant: 'acme' }))
const keyOfId = (agentId: string): AgentKey => ({ tenant: 'acme', agentId })
const words = (count: number) => Array.from({ length: count }, (_, i) => `w${i} `)

/** Parts that all clusters of this file share. */
interface Parts {
  dist: string
  server: NatsServer
  fake: FakeOpenCode
}

/** Cluster of hosts in processes, with a caller that uses the store itself. */
class TestCluster {
  readonly name: string
  readonly hosts: ClusterHostProcess[] = []
  readonly turns = new Map<string, AgentKey>()
  readonly store: ClusterStore
  readonly #parts: Parts

  private constructor(parts: Parts, store: ClusterStore, name: string) {
    this.#parts = parts
    this.store = store
    this.name = name
  }

  static async start(parts: Parts, count: number): Promise<TestCluster> {
    const name = randomUUID().slice(0, 8)
    const store = await openNatsStore({ name, connect: parts.server.connect, mayProvision: true })
    const cluster = new TestCluster(parts, store, name)
    onTestFinished(async () => {
      await Promise.all(cluster.hosts.map((host) => host.end()))
      await store.close()
    })
    await Promise.all(Array.from({ length: count }, (_, i) => cluster.host(`h${i + 1}`)))
    return cluster
  }

  async host(hostId: string): Promise<ClusterHostProcess> {
    const { dist, server, fake } = this.#parts
    const servers = `127.0.0.1:${server.port}`
    const options = { dist, servers, name: this.name, hostId, leaseMs, binary: fake.binary, agents }
    const host = new ClusterHostProcess(options)
    this.hosts.push(host)
    return host.joined()
  }

  async send(agentId: string, turnId: string, more: Partial<SentTurn> = {}): Promise<void> {
    const agent = keyOfId(agentId)
    this.turns.set(turnId, agent)
    await this.store.inbox.add(agent, turnId, { type: 'turn', turn: sentTurn(turnId, more) })
  }

  async batches(turnId: string): Promise<StoredBatch[]> {
    const agent = this.turns.get(turnId) ?? keyOfId('')
    const batches: StoredBatch[] = []
    for await (const batch of this.store.records.read(agent, turnId, 0)) batches.push(batch)
    return batches
  }

  /** Resolves with the stored end of a turn. */
  async end(turnId: string): Promise<TerminalReply> {
    const agent = this.turns.get(turnId) ?? keyOfId('')
    const isEnded = async () =>
      (await this.store.records.last(agent, turnId).catch(() => undefined))?.batch.isLast
    await vi.waitUntil(isEnded, { timeout: 40_000, interval: 20 })
    const [end] = auditTurn(await this.batches(turnId)).ends
    if (!end) throw new Error(`The turn ${turnId} has no end`)
    return end
  }

  async ends(): Promise<string[]> {
    const ends = await Promise.all([...this.turns.keys()].map((turnId) => this.end(turnId)))
    return ends.map((end) => (end.kind === 'error' ? end.code : end.kind))
  }

  /** Resolves when text of a turn is stored. */
  async hasBegun(turnId: string): Promise<void> {
    const isText = ({ reply }: { reply?: Reply }): boolean => reply?.kind === 'delta'
    const hasText = async (): Promise<boolean> =>
      (await this.batches(turnId)).some(({ batch }) => (batch.records as { reply?: Reply }[]).some(isText))
    await vi.waitUntil(hasText, { timeout: 20_000, interval: 20 })
  }

  async owner(agentId: string): Promise<ClusterHostProcess> {
    const entry = await this.store.places.get(`acme.${agentId}`)
    const host = this.hosts.find(({ hostId, isAlive }) => hostId === entry?.value.hostId && isAlive)
    if (!host) throw new Error(`No host owns ${agentId}: ${JSON.stringify(entry)}`)
    return host
  }

  /** Checks all that is stored. */
  async audit(): Promise<void> {
    for (const turnId of this.turns.keys()) {
      const { ends, problems } = auditTurn(await this.batches(turnId))
      expect({ turnId, ends: ends.length, problems }).toEqual({ turnId, ends: 1, problems: [] })
    }
    expect(await this.store.inbox.agents()).toEqual([])
  }
}

describe.skipIf(binary === null)('Hosts of a cluster as processes', async () => {
  if (binary === null) return
  const server = await NatsServer.start(binary)
  const fake = await fakeOpenCode(
    {},
    { script: [{ match: 'slow', reply: { text: words(70), chunkDelayMs: 50 } }] },
  )
  let parts: Parts
  beforeAll(async () => {
    parts = { dist: await buildPackage(), server, fake }
  }, 120_000)
  afterAll(async () => {
    await server.stop()
    await fake.stop()
    rmSync(dirname(parts.dist), { recursive: true, force: true })
  })
  const slow = { input: { text: 'slow' } }

  it('run the turns of agents, each on one host, and see each other', async () => {
    const cluster = await TestCluster.start(parts, 2)
    for (const id of ids) await cluster.send(id, `t-${id}`)
    expect(await cluster.ends()).toEqual(ids.map(() => 'final'))
    const statuses = await Promise.all(cluster.hosts.map((host) => host.status()))
    for (const { hosts, places } of statuses) {
      expect(hosts.map(({ id, state }) => [id, state])).toEqual([
        ['h1', 'up'],
        ['h2', 'up'],
      ])
      expect(places.map(({ agentId }) => agentId).sort()).toEqual(ids)
    }
    await cluster.audit()
  })

  it('take over the agents of a killed host: each turn has one end', async () => {
    const cluster = await TestCluster.start(parts, 2)
    for (const id of ids) await cluster.send(id, `t-${id}`, slow)
    for (const id of ids) await cluster.hasBegun(`t-${id}`)
    const victim = await cluster.owner('a1')
    await victim.kill()
    const end = await cluster.end('t-a1')
    expect(end).toMatchObject({ code: 'server_died', retryable: true })
    expect(end).toHaveProperty('partial', expect.stringContaining('w0 '))
    await cluster.send('a1', 'next')
    const ends = await cluster.ends()
    expect(ends.at(-1)).toBe('final')
    expect(new Set(ends)).toEqual(new Set(['server_died', 'final']))
    await cluster.audit()
  })

  it('run a turn again that may resume, though its host was killed', async () => {
    const cluster = await TestCluster.start(parts, 2)
    await cluster.send('a1', 't1', { input: { text: 'slow', resume: true } })
    await cluster.hasBegun('t1')
    await (await cluster.owner('a1')).kill()
    expect(await cluster.end('t1')).toMatchObject({ kind: 'final', content: words(70).join('') })
    await cluster.audit()
  })

  it('take over from a host that is stopped for 3 leases, which then stores nothing and joins again', async () => {
    const cluster = await TestCluster.start(parts, 2)
    await cluster.send('a1', 't1', slow)
    await cluster.hasBegun('t1')
    const stopped = await cluster.owner('a1')
    const at = performance.now()
    stopped.signal('SIGSTOP')
    expect(await cluster.end('t1')).toMatchObject({ code: 'server_died' })
    await vi.waitUntil(() => performance.now() - at >= leaseMs * 3, { timeout: leaseMs * 4 })
    stopped.signal('SIGCONT')
    await cluster.send('a1', 't2')
    expect(await cluster.end('t2')).toMatchObject({ kind: 'final' })
    expect(await cluster.owner('a1')).not.toBe(stopped)
    // The stopped host has ended its server, and is a member again.
    await vi.waitUntil(() => stopped.servers.length === 0, { timeout: 10_000, interval: 50 })
    await vi.waitUntil(
      async () => (await stopped.status()).hosts.filter(({ state }) => state === 'up').length === 2,
      { timeout: 10_000 },
    )
    await cluster.audit()
  })

  it('finish all turns though NATS is killed and comes back', async () => {
    const cluster = await TestCluster.start(parts, 2)
    for (const id of ids) await cluster.send(id, `t-${id}`, slow)
    for (const id of ids) await cluster.hasBegun(`t-${id}`)
    await server.kill()
    await server.resume()
    expect(await cluster.ends()).toEqual(ids.map(() => 'final'))
    await cluster.audit()
  })

  it('leave one after another under load: running turns finish, waiting ones run elsewhere', async () => {
    const cluster = await TestCluster.start(parts, 2)
    for (const id of ids) await cluster.send(id, `one-${id}`, { ...slow, conversation: 'c' })
    for (const id of ids) await cluster.send(id, `two-${id}`, { conversation: 'c' })
    for (const id of ids) await cluster.hasBegun(`one-${id}`)
    for (const host of [...cluster.hosts]) {
      await host.drain(20_000)
      await cluster.host(`${host.hostId}-next`)
    }
    expect(await cluster.ends()).toEqual([...ids, ...ids].map(() => 'final'))
    await cluster.audit()
  })
})
