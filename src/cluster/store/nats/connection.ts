import type { NatsConnection } from '@nats-io/transport-node'
import { connected } from './connect-faults.ts'

/**
 * Connects twice: for the traffic, and for the leases. If one connection fails, the other one is closed.
 *
 * @throws ClusterStoreError `unavailable` or `denied`
 */
export async function connectTwice(
  connect: () => Promise<NatsConnection>,
): Promise<readonly [NatsConnection, NatsConnection]> {
  const connecting = [connected(connect), connected(connect)] as const
  try {
    return await Promise.all(connecting)
  } catch (error) {
    for (const one of await Promise.allSettled(connecting))
      if (one.status === 'fulfilled') await one.value.close()
    throw error
  }
}

/** Tells a listener of the end and the return of a connection, until the signal aborts. */
export async function followConnection(
  connection: NatsConnection,
  listener: (state: 'up' | 'down') => void,
  signal: AbortSignal,
): Promise<void> {
  for await (const { type } of connection.status()) {
    if (signal.aborted) return
    if (type === 'disconnect') listener('down')
    else if (type === 'reconnect') listener('up')
  }
}
