import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished, vi } from 'vitest'
import { connectCluster, type JoinOptions } from '../../src/cluster/index.ts'
import { openNatsStore } from '../../src/cluster/store/nats/nats-store.ts'
import { fakeOpenCode, startScriptedModel } from '../../src/testing/index.ts'
import { buildPackage } from '../support/built-cli.ts'
import { ClusterHostProcess, hasOwnMounts, type ClusterHostOptions } from '../support/cluster-host.ts'
import { tempHome } from '../support/home.ts'
import { NatsServer } from '../support/nats-server.ts'
import { skipBanner } from '../support/python-venv.ts'

const binary = inject('natsServer')
const leaseMs = 3_000
const apiKey = 'sk-real-test-0123456789'
const realBinary = join(import.meta.dirname, '../../node_modules/opencode-ai/bin/opencode.exe')

if (!hasOwnMounts) {
  const missing = 'this machine lets no process have mounts of its own'
  console.warn(
    skipBanner('the tests of homes that move', missing, 'Linux with root, or with user namespaces'),
  )
}

describe.skipIf(binary === null || !hasOwnMounts)('The home of an agent', async () => {
  if (binary === null || !hasOwnMounts) return
  const server = await NatsServer.start(binary)
  const fake = await fakeOpenCode(
    {},
    {
      script: [
        {
          match: 'write',
          reply: [
            { toolCalls: [{ name: 'write', args: { filePath: 'a.txt', content: 'one' } }] },
            { text: 'ok' },
          ],
        },
        { match: 'slow', reply: { text: ['a ', 'b '], chunkDelayMs: 200 } },
      ],
    },
  )
  let dist: string
  beforeAll(async () => {
    dist = await buildPackage()
  }, 120_000)
  afterAll(async () => {
    await server.stop()
    await fake.stop()
    rmSync(dirname(dist), { recursive: true, force: true })
  })

  /** Starts two hosts whose data folders are at the same path, on disks of their own, and a caller. */
  async function start(homes: JoinOptions['homes'], more: Partial<ClusterHostOptions> = {}) {
    const [name, dataDir] = [randomUUID().slice(0, 8), tempHome()]
    const shared = {
      dist,
      servers: `127.0.0.1:${server.port}`,
      name,
      leaseMs,
      binary: fake.binary,
      dataDir,
      ...more,
    }
    const agents = [{ id: 'a1', tenant: 'acme' }]
    const disks = new Map(['h1', 'h2'].map((hostId) => [hostId, tempHome()]))
    const hosts = [...disks].map(
      ([hostId, disk]) =>
        new ClusterHostProcess({ ...shared, agents, hostId, disk, ...(homes && { homes }) }),
    )
    onTestFinished(async () => {
      await Promise.all(hosts.map((host) => host.end()))
    })
    await Promise.all(hosts.map((host) => host.joined()))
    const cluster = await connectCluster({ name, connect: server.connect })
    onTestFinished(() => cluster.close())
    const { status$ } = cluster
    /** Returns the host that owns the agent, and the other one. */
    const owner = async (): Promise<ClusterHostProcess[]> => {
      let id: string | null | undefined
      const seen = status$.subscribe(({ places }) => (id = places[0]?.hostId))
      await vi.waitUntil(() => id, { timeout: 10_000 })
      seen.unsubscribe()
      return hosts.toSorted((a) => (a.hostId === id ? -1 : 1))
    }
    const fileOn = (host: ClusterHostProcess, path: string): string =>
      join(disks.get(host.hostId) ?? '', 'a1', path)
    return { cluster, owner, fileOn, name }
  }

  it('is on the next host when the end of a turn is told, though its host is killed at that moment', async () => {
    const { cluster, owner, fileOn, name } = await start({ save: 'before-end' })
    const first = cluster.turn('a1', 'write')
    expect(await first.done).toMatchObject({ kind: 'final' })
    const [victim, next] = await owner()
    const store = await openNatsStore({ name, connect: server.connect, mayProvision: false })
    onTestFinished(() => store.close())
    expect((await store.hosts.get('h1'))?.value.opencode).toMatch(/^\d+\.\d+\.\d+$/)
    await victim?.kill()
    const sessionId = (await first.sessionId) ?? ''
    const second = cluster.turn('a1', { text: 'again', sessionId })
    expect(await second.done).toMatchObject({ kind: 'final' })
    expect(await second.sessionId).toBe(sessionId)
    expect(next && readFileSync(fileOn(next, 'workspace/a.txt'), 'utf8')).toBe('one')
  })

  it('goes along when its host leaves, also if it is saved only then', async () => {
    const { cluster, owner, fileOn } = await start({ save: 'on-release' })
    const first = cluster.turn('a1', 'write')
    expect(await first.done).toMatchObject({ kind: 'final' })
    const sessionId = (await first.sessionId) ?? ''
    const [leaving, next] = await owner()
    await leaving?.drain(5_000)
    expect(await cluster.turn('a1', { text: 'again', sessionId }).done).toMatchObject({ kind: 'final' })
    expect(next && existsSync(fileOn(next, 'workspace/a.txt'))).toBe(true)
  })

  it('has all of a conversation on the next host, with the real opencode', { timeout: 120_000 }, async () => {
    const model = await startScriptedModel([{ match: /./, reply: { text: 'noted' } }], { apiKey })
    onTestFinished(() => model.stop())
    const defaults = { proxy: { baseURL: model.baseURL, apiKey } }
    const { cluster, owner } = await start(
      { save: 'before-end' },
      { binary: realBinary, fleet: { defaults } },
    )
    const first = cluster.turn('a1', 'The word is elderberry')
    expect(await first.done).toMatchObject({ kind: 'final', content: 'noted' })
    const [victim] = await owner()
    await victim?.kill()
    const sessionId = (await first.sessionId) ?? ''
    const second = cluster.turn('a1', { text: 'Which word?', sessionId })
    expect(await second.done).toMatchObject({ kind: 'final', content: 'noted' })
    const asked = model.requests.find(({ kind, text }) => kind === 'chat' && text.includes('Which word?'))
    expect(JSON.stringify(asked?.messages)).toContain('elderberry')
  })

  it('has no server on a stopped host any more when the next host begins', async () => {
    const { cluster, owner } = await start({ save: 'before-end' })
    expect(await cluster.turn('a1', 'hello').done).toMatchObject({ kind: 'final' })
    const [stopped, next] = await owner()
    expect(stopped?.servers).toHaveLength(1)
    stopped?.signal('SIGSTOP')
    const second = cluster.turn('a1', 'slow')
    await vi.waitUntil(() => (next?.servers.length ?? 0) > 0, { timeout: 20_000, interval: 10 })
    expect(stopped?.servers).toEqual([])
    expect(await second.done).toMatchObject({ kind: 'final' })
  })
})
