import { randomUUID } from 'node:crypto'
import { jetstream } from '@nats-io/jetstream'
import { afterAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import { openNatsStore } from '../../src/cluster/store/nats/nats-store.ts'
import { describeClusterStore } from '../support/cluster-store.ts'
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
})
