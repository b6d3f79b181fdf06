import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Kvm } from '@nats-io/kv'
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import type { Cluster } from '../../src/cluster/client/cluster.ts'
import { connectCluster } from '../../src/cluster/client/connect-cluster.ts'
import { rank } from '../../src/cluster/rank.ts'
import { fakeOpenCode } from '../../src/testing/index.ts'
import { buildPackage } from '../support/built-cli.ts'
import { ClusterHostProcess } from '../support/cluster-host.ts'
import { fleetDefaults } from '../support/fleet.ts'
import { NatsServer } from '../support/nats-server.ts'

const binary = inject('natsServer')
const leaseMs = 3_000
const key = 'sk-only-at-h2-0123456789'

/** Returns the id of an agent that a host should claim first. */
function agentOf(hostId: string): string {
  const hosts = ['h1', 'h2'].map((id) => ({ id, record: { max: 16, used: 0 } }))
  const ids = Array.from({ length: 50 }, (_, i) => `a${i}`)
  return ids.find((id) => rank(`acme.${id}`, hosts, null)[0] === hostId) ?? ''
}

const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 20_000, interval: 50 })

describe.skipIf(binary === null)('Agents of a cluster with two hosts', async () => {
  if (binary === null) return
  const server = await NatsServer.start(binary)
  const fake = await fakeOpenCode()
  const name = randomUUID().slice(0, 8)
  const [ofOne, ofTwo] = [agentOf('h1'), agentOf('h2')]
  const hosts: ClusterHostProcess[] = []
  let dist = ''
  let caller: Cluster | undefined
  const folder = mkdtempSync(join(tmpdir(), 'opencode-runtime-test-'))
  beforeAll(async () => {
    dist = await buildPackage()
    const common = {
      dist,
      servers: `127.0.0.1:${server.port}`,
      name,
      leaseMs,
      binary: fake.binary,
      agents: [],
    }
    hosts.push(new ClusterHostProcess({ ...common, hostId: 'h1', dataDir: join(folder, 'h1') }))
    hosts.push(new ClusterHostProcess({ ...common, hostId: 'h2', dataDir: join(folder, 'h2'), key }))
    await Promise.all(hosts.map((host) => host.joined()))
    caller = await connectCluster({ name, connect: server.connect })
  }, 240_000)
  afterAll(async () => {
    await caller?.close()
    await Promise.all(hosts.map((host) => host.end()))
    await server.stop()
    await fake.stop()
    const folders = dist === '' ? [folder] : [folder, dirname(dist)]
    for (const each of folders) rmSync(each, { recursive: true, force: true, maxRetries: 10 })
  }, 60_000)
  const connected = (): Cluster => {
    if (!caller) throw new Error('The caller is not connected')
    return caller
  }
  const host = (id: string): ClusterHostProcess => {
    const found = hosts.find(({ hostId }) => hostId === id)
    if (!found) throw new Error(`No host ${id}`)
    return found
  }
  const stored = async (agentId: string) => {
    const connection = await server.connect()
    const bucket = await new Kvm(connection).open(`OC_${name}_AGENTS`)
    const entry = await bucket.get(`acme.${agentId}`)
    await connection.close()
    return entry?.json<Record<string, unknown>>()
  }
  const ownerOf = (agentId: string) =>
    connected().status.places.find((place) => place.agentId === agentId)?.hostId

  it('run on one host though they were declared at the other, each host with its own key', async () => {
    host('h1').put({ id: ofTwo, tenant: 'acme', labels: { team: 'blue' }, ...{ proxy: fleetDefaults.proxy } })
    host('h2').put({ id: ofOne, tenant: 'acme' })
    for (const each of hosts)
      await until(async () =>
        expect(await each.agents()).toEqual(expect.arrayContaining([`acme.${ofOne}`, `acme.${ofTwo}`])),
      )
    for (const [agentId, hostId] of [
      [ofOne, 'h1'],
      [ofTwo, 'h2'],
    ] as const) {
      expect(await connected().turn(agentId, 'Hi').done).toMatchObject({ kind: 'final' })
      await until(() => expect(ownerOf(agentId)).toBe(hostId))
    }
    const record = await stored(ofTwo)
    expect(record).toMatchObject({
      id: ofTwo,
      tenant: 'acme',
      labels: { team: 'blue' },
      declared: { by: 'h1' },
    })
    expect(JSON.stringify(record)).not.toContain('sk-')
  })

  it('have the spec that was declared last, wherever that was', async () => {
    for (const [hostId, team] of [
      ['h2', 'green'],
      ['h1', 'red'],
    ] as const) {
      host(hostId).put({ id: ofTwo, tenant: 'acme', labels: { team } })
      await until(async () =>
        expect(await stored(ofTwo)).toMatchObject({ labels: { team }, declared: { by: hostId } }),
      )
    }
  })

  it('move when a caller drains their host, which leaves', async () => {
    await connected().drainHost('h2', { drainMs: 5_000 })
    await until(() => expect(connected().status.hosts.map(({ id }) => id)).toEqual(['h1']))
    expect(await connected().turn(ofTwo, 'Hi').done).toMatchObject({ kind: 'final' })
    expect(ownerOf(ofTwo)).toBe('h1')
    await expect(connected().drainHost('h2')).rejects.toThrow('has no host "h2": it has h1')
  })

  it('that were removed at a host are gone from the cluster', async () => {
    host('h1').remove(ofOne)
    await until(async () => expect(await host('h1').agents()).toEqual([`acme.${ofTwo}`]))
    await until(async () => expect(await stored(ofOne)).toMatchObject({ declared: { removed: true } }))
    await until(async () =>
      expect(await connected().turn(ofOne, 'Hi').done).toMatchObject({ code: 'rejected' }),
    )
  })
})
