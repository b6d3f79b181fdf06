import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { jetstream } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { afterAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import { openNatsStore } from '../../src/cluster/store/nats/nats-store.ts'
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

  it('skips messages of an inbox that no caller of the package has written', async () => {
    const name = randomUUID().slice(0, 8)
    const store = await openNatsStore({ name, connect: server.connect, mayProvision: true })
    const connection = await server.connect()
    onTestFinished(async () => {
      await connection.close()
      await store.close()
    })
    const agent = { tenant: 'acme', agentId: 'a1' }
    const bad = ['no JSON', '[]', '{"turnId":"a.*","message":{"type":"turn","turn":{}}}', '{"turnId":"t"}']
    for (const text of bad) await jetstream(connection).publish(`oc.${name}.in.acme.a1.turn`, text)
    await store.inbox.add(agent, 't1', { type: 'cancel' })
    expect(await store.inbox.next(agent, 0)).toMatchObject({ turnId: 't1', message: { type: 'cancel' } })
    expect(await store.inbox.agents()).toEqual([])
  })

  it('tells what to do if the server has too little room for the streams of a cluster, and closes its connections', async () => {
    const folder = tempHome()
    const config = join(folder, 'small.conf')
    writeFileSync(config, 'jetstream { max_file_store: 1GB }')
    const small = await NatsServer.start(binary, { config })
    onTestFinished(() => small.stop())
    const connections: NatsConnection[] = []
    const connect = async () => {
      const connection = await small.connect()
      connections.push(connection)
      return connection
    }
    const opening = openNatsStore({ name: 'small', connect, mayProvision: true })
    await expect(opening).rejects.toMatchObject({
      fault: 'unavailable',
      message: expect.stringContaining('max_file_store') as string,
    })
    expect(connections.map((connection) => connection.isClosed())).toEqual([true, true])
  })
})
