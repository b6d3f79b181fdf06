import type { NatsConnection } from '@nats-io/transport-node'

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
