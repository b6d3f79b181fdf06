import { randomUUID } from 'node:crypto'
import { afterAll, describe, inject, onTestFinished } from 'vitest'
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
})
