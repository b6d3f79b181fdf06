import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished, vi } from 'vitest'
import type { Cluster } from '../../src/cluster/client/cluster.ts'
import { connectCluster } from '../../src/cluster/client/connect-cluster.ts'
import type { Turn } from '../../src/api/turn-handle.ts'
import { fakeOpenCode } from '../../src/testing/index.ts'
import { buildPackage } from '../support/built-cli.ts'
import { collect, textOf } from '../support/cluster-caller.ts'
import { ClusterHostProcess } from '../support/cluster-host.ts'
import { NatsServer } from '../support/nats-server.ts'

const binary = inject('natsServer')
const leaseMs = 3_000
const agents = [
  { id: 'a1', tenant: 'acme' },
  { id: 'asking', tenant: 'acme' },
]
const words = (count: number) => Array.from({ length: count }, (_, i) => `w${i} `)

describe.skipIf(binary === null)('A caller of a cluster with hosts as processes', async () => {
  if (binary === null) return
  const server = await NatsServer.start(binary)
  const fake = await fakeOpenCode(
    {},
    { script: [{ match: 'slow', reply: { text: words(60), chunkDelayMs: 50 } }] },
  )
  const name = randomUUID().slice(0, 8)
  const hosts: ClusterHostProcess[] = []
  const folder = mkdtempSync(join(tmpdir(), 'opencode-runtime-test-'))
  let dist = ''
  const startHost = async (hostId: string): Promise<void> => {
    const servers = `127.0.0.1:${server.port}`
    const options = { dist, servers, name, hostId, leaseMs, binary: fake.binary, agents }
    const host = new ClusterHostProcess({ ...options, dataDir: join(folder, hostId) })
    hosts.push(host)
    await host.joined()
  }
  beforeAll(async () => {
    dist = await buildPackage()
    await Promise.all(['h1', 'h2'].map(startHost))
  }, 120_000)
  afterAll(async () => {
    await Promise.all(hosts.map((host) => host.end()))
    await server.stop()
    await fake.stop()
    const folders = dist === '' ? [folder] : [folder, dirname(dist)]
    for (const each of folders) rmSync(each, { recursive: true, force: true, maxRetries: 10 })
  }, 60_000)
  const connect = async (): Promise<Cluster> => {
    const cluster = await connectCluster({ name, connect: server.connect })
    onTestFinished(() => cluster.close())
    return cluster
  }
  const hasText = (turn: Turn) => {
    const { replies } = collect(turn)
    return vi.waitUntil(() => textOf(replies) !== '', { timeout: 20_000 })
  }

  it('runs a turn, whose replies arrive while it runs', async () => {
    const cluster = await connect()
    const turn = cluster.turn('a1', { text: 'slow', traceId: 'x' })
    const { replies } = collect(turn)
    await hasText(turn)
    expect(replies.some(({ kind }) => kind === 'final')).toBe(false)
    expect(await turn.text()).toBe(words(60).join(''))
    expect(textOf(replies)).toBe(words(60).join(''))
    expect(await turn.sessionId).toMatch(/^ses/)
    expect(turn.usage.output_tokens).toBeGreaterThan(0)
    expect(cluster.status.hosts.map(({ id, state }) => `${id} ${state}`)).toEqual(['h1 up', 'h2 up'])
    expect(cluster.status.places).toMatchObject([{ agentId: 'a1', tenant: 'acme' }])
  })

  it('answers a permission, by its function and by `answer`', async () => {
    const cluster = await connect()
    const byFunction = cluster.turn('asking', { text: 'permission', onPermission: () => 'once' })
    expect(await byFunction.done).toMatchObject({ kind: 'final' })
    const turn = cluster.turn('asking', { text: 'permission', onPermission: 'ask' })
    const open = await vi.waitUntil(() => turn.openRequests[0], { timeout: 20_000 })
    await turn.answer(open.request.id, 'once')
    const { replies } = collect(turn)
    expect(await turn.done).toMatchObject({ kind: 'final' })
    expect(replies.find(({ kind }) => kind === 'tool_result')).toMatchObject({ success: true })
  })

  it('cancels a turn', async () => {
    const turn = (await connect()).turn('a1', 'slow')
    await hasText(turn)
    turn.cancel()
    expect(await turn.done).toMatchObject({
      code: 'cancelled',
      partial: expect.stringContaining('w0') as string,
    })
  })

  it('is given all replies of a turn that another connection has sent, by its id', async () => {
    const [one, two] = [await connect(), await connect()]
    const turnId = randomUUID()
    const turn = one.turn('a1', { text: 'slow', turnId })
    await hasText(turn)
    const attached = collect(two.attach(turnId))
    const again = collect(two.turn('a1', { text: 'slow', turnId }))
    await turn.done
    await vi.waitUntil(() => attached.ends.length > 0 && again.ends.length > 0, { timeout: 10_000 })
    for (const { replies, ends } of [attached, again]) {
      expect(textOf(replies)).toBe(words(60).join(''))
      expect(ends).toEqual([await turn.done])
    }
  })

  it('sends a turn that is larger than a message, and is refused one of an unknown agent', async () => {
    const cluster = await connect()
    const attachments = [{ mime: 'text/plain', data: new Uint8Array(2_000_000) }]
    expect(await cluster.turn('a1', { text: 'Hi', attachments }).done).toMatchObject({ kind: 'final' })
    expect(await cluster.turn('a9', 'Hi').done).toMatchObject({ code: 'rejected' })
  })

  it('has each reply once though NATS is killed and comes back', async () => {
    const turn = (await connect()).turn('a1', 'slow')
    const { replies, ends } = collect(turn)
    await hasText(turn)
    await server.kill()
    await server.resume()
    expect(await turn.text()).toBe(words(60).join(''))
    expect(textOf(replies)).toBe(words(60).join(''))
    expect(ends).toHaveLength(1)
  })

  it('is told that the host of a turn died, and its next turn runs elsewhere', async () => {
    const cluster = await connect()
    const turn = cluster.turn('a1', 'slow')
    await hasText(turn)
    const place = cluster.status.places.find(({ agentId }) => agentId === 'a1')
    const owner = hosts.find(({ hostId }) => hostId === place?.hostId)
    await owner?.kill()
    expect(await turn.done).toMatchObject({
      code: 'server_died',
      partial: expect.stringContaining('w0') as string,
    })
    expect(await cluster.turn('a1', 'Hi').done).toMatchObject({ kind: 'final' })
    // News of hosts and places reach a caller on other ways than the replies of its turns.
    const later = { timeout: leaseMs * 3 }
    const hostOf = () => cluster.status.places.find(({ agentId }) => agentId === 'a1')?.hostId
    await vi.waitUntil(() => hostOf() !== place?.hostId, later)
    await vi.waitUntil(() => cluster.status.hosts.length === 1, later)
  })

  it('that connects to a cluster without hosts is told so', async () => {
    const connecting = connectCluster({ name: 'empty', connect: server.connect })
    await expect(connecting).rejects.toMatchObject({
      name: 'ClusterStoreError',
      message: expect.stringContaining('no host has joined') as string,
    })
  })
})
