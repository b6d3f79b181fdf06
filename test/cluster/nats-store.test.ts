import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { Kvm } from '@nats-io/kv'
import { Objm } from '@nats-io/obj'
import type { NatsConnection } from '@nats-io/transport-node'
import { afterAll, describe, expect, inject, it, onTestFinished, vi } from 'vitest'
import { Fleet } from '../../src/api/fleet/fleet.ts'
import { joinCluster } from '../../src/cluster/join-cluster.ts'
import { openNatsStore } from '../../src/cluster/store/nats/nats-store.ts'
import { wish } from '../../src/cluster/wishes.ts'
import { describeClusterStore } from '../support/cluster-store.ts'
import { tempHome } from '../support/home.ts'
import { NatsServer } from '../support/nats-server.ts'

const binary = inject('natsServer')

describe.skipIf(binary === null)('With nats-server', async () => {
  if (binary === null) return
  const server = await NatsServer.start(binary)
  afterAll(() => server.stop())

  describeClusterStore('The store in NATS', () => {
    const name = randomUUID().slice(0, 8)
    return async () => {
      const store = await openNatsStore({ name, connect: server.connect, mayProvision: true })
      onTestFinished(() => store.close())
      return store
    }
  })

  /** Starts a server whose streams may reserve no more room than that. */
  const startSmall = async (room: string): Promise<NatsServer> => {
    const config = join(tempHome(), 'small.conf')
    writeFileSync(config, `jetstream { max_file_store: ${room} }`)
    const small = await NatsServer.start(binary, { config })
    onTestFinished(() => small.stop())
    return small
  }

  const name = randomUUID().slice(0, 8)
  /** Opens the store of the cluster, and a connection beside it. */
  const openBoth = async () => {
    const store = await openNatsStore({ name, connect: server.connect, mayProvision: true })
    const connection = await server.connect()
    onTestFinished(async () => {
      await connection.close()
      await store.close()
    })
    return { store, connection }
  }

  it('keeps nothing of a deleted object, and has no damaged one', async () => {
    const { store, connection } = await openBoth()
    const bucket = `OC_${name}_DATA`
    await store.objects.put('a1.1.x', new Uint8Array([1]))
    await store.objects.delete('a1.1.x')
    const manager = await jetstreamManager(connection)
    expect((await manager.streams.info(`OBJ_${bucket}`)).state.messages).toBe(0)
    await store.objects.put('a1.1.y', new Uint8Array([1]))
    const info = await (await new Objm(connection).open(bucket)).info('a1.1.y')
    await jetstream(connection).publish(`$O.${bucket}.C.${info?.nuid ?? ''}`, 'x')
    expect(await store.objects.get('a1.1.y')).toBeUndefined()
  })

  it('has a host that leaves by a wish, also after one that makes no sense', async () => {
    const { store, connection } = await openBoth()
    const proxy = { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'sk-1' }
    const defaults = { proxy, models: ['gpt-4o'], binary: process.execPath }
    const fleet = new Fleet({ dataDir: tempHome(), defaults })
    onTestFinished(() => fleet.close())
    const host = await joinCluster({ fleet, name, connect: server.connect, hostId: 'h1' })
    const isLeft = vi.fn()
    host.status$.subscribe({ complete: isLeft })
    const incarnation = (await store.hosts.get('h1'))?.value.incarnation ?? ''
    const wishes = await new Kvm(jetstream(connection)).open(`OC_${name}_WISHES`)
    await wishes.put('h1', 'no JSON')
    await wishes.put('h1', JSON.stringify({ incarnation, drainMs: 'soon' }))
    await wishes.delete('h1')
    await wish(store.wishes, 'h1', { incarnation, drainMs: 0 })
    await vi.waitFor(() => expect(isLeft).toHaveBeenCalled(), { timeout: 10_000 })
    await host.close()
  })

  it('tells of turns that wait without reading their contents', async () => {
    const connections: NatsConnection[] = []
    const connect = async () => {
      const connection = await server.connect()
      connections.push(connection)
      return connection
    }
    const store = await openNatsStore({ name: 'heads', connect, mayProvision: true })
    onTestFinished(() => store.close())
    const agents = Array.from({ length: 20 }, (_, i) => ({ tenant: 'acme', agentId: `a${i}` }))
    const input = { text: 'x'.repeat(50_000) }
    for (const agent of agents)
      for (const n of [1, 2, 3, 4, 5])
        await store.inbox.add(agent, `${agent.agentId}-${n}`, {
          type: 'turn',
          turn: { input, deadlineMs: 1_000 },
        })
    /** Returns what this client gets of messages and bytes for some work. */
    const costOf = async (work: () => Promise<unknown>) => {
      const sum = () => connections.map((connection) => connection.stats())
      const before = sum()
      await work()
      const after = sum()
      const difference = (field: 'inMsgs' | 'inBytes') =>
        after.reduce((total, stats, i) => total + stats[field] - (before[i]?.[field] ?? 0), 0)
      return { messages: difference('inMsgs'), bytes: difference('inBytes') }
    }
    const whole = await costOf(async () => {
      for (const agent of agents)
        for (let mail = await store.inbox.next(agent, 0); mail;)
          mail = await store.inbox.next(agent, mail.seq)
    })
    const heads = await costOf(() => store.inbox.heads(agents))
    expect(heads.messages).toBeLessThan(whole.messages)
    expect(heads.bytes).toBeLessThan(whole.bytes / 100)
  })

  it('is joined by a second host though the disk has no room for another cluster', async () => {
    const small = await startSmall('3GB')
    for (let hosts = 0; hosts < 2; hosts++) {
      const store = await openNatsStore({ name: 'small', connect: small.connect, mayProvision: true })
      onTestFinished(() => store.close())
      expect(await store.inbox.agents()).toEqual([])
    }
    const other = openNatsStore({ name: 'other', connect: small.connect, mayProvision: true })
    await expect(other).rejects.toThrow('too little room')
  })

  it('skips messages of an inbox that no caller of the package has written', async () => {
    const { store, connection } = await openBoth()
    const agent = { tenant: 'acme', agentId: 'bad' }
    const bad = ['no JSON', '[]', '{"turnId":"a.*","message":{"type":"turn","turn":{}}}', '{"turnId":"t"}']
    for (const text of bad) await jetstream(connection).publish(`oc.${name}.in.acme.bad.turn`, text)
    await store.inbox.add(agent, 't1', { type: 'cancel' })
    expect(await store.inbox.next(agent, 0)).toMatchObject({ turnId: 't1', message: { type: 'cancel' } })
    expect(await store.inbox.agents()).not.toContainEqual(agent)
  })

  it('tells what to do if the server has too little room for the streams of a cluster, and closes its connections', async () => {
    const small = await startSmall('1GB')
    const connections: NatsConnection[] = []
    const connect = async () => {
      const connection = await small.connect()
      connections.push(connection)
      return connection
    }
    const opening = openNatsStore({ name: 'small', connect, mayProvision: true })
    await expect(opening).rejects.toMatchObject({
      fault: 'no_room',
      message: expect.stringContaining('max_file_store') as string,
    })
    expect(connections.map((connection) => connection.isClosed())).toEqual([true, true])
  })
})
